"""Pages about people: signing in, up and out, one's own account, and for admins users and groups."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import services
from accounts.models import Role, User
from config import events
from config.errors import ErrorCode, VerbatimError
from config.pages import page


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def signin(request: HttpRequest) -> HttpResponse:
    """Sign in by e-mail and password, then go to `?next=` (of this site only) or the overview."""
    if request.user.is_authenticated:
        return redirect(_next(request))
    if request.method != "POST":
        return _door(request, "signin.html")
    email = request.POST.get("email", "")
    try:
        user = services.sign_in(request=request, email=email, password=request.POST.get("password", ""))
    except VerbatimError as error:
        return _door(request, "signin.html", error=error, email=email)
    login(request, user)
    return redirect(_next(request))


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    """Create one's own account, where that is allowed, and be signed in with it."""
    if not settings.SIGNUP_ENABLED:
        return _door(request, "signup.html", error=VerbatimError(ErrorCode.SIGNUP_DISABLED))
    if request.user.is_authenticated:
        return redirect("/")
    if request.method != "POST":
        return _door(request, "signup.html")
    email, full_name = request.POST.get("email", ""), request.POST.get("full_name", "")
    password = request.POST.get("password", "")
    try:
        user = services.signup(request=request, email=email, password=password, full_name=full_name)
    except VerbatimError as error:
        return _door(request, "signup.html", error=error, email=email, full_name=full_name)
    login(request, user)
    return redirect(_next(request))


@require_POST
def signout(request: HttpRequest) -> HttpResponse:
    """End this session, and the sockets that its pages opened."""
    user = request.user
    logout(request)
    if isinstance(user, User):
        events.publish(events.user_group(user.pk), "user.revoked")
    return redirect(settings.LOGIN_URL)


@sensitive_post_parameters("current_password", "new_password")
@page
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """One's own name and password."""
    user = _user(request)
    if request.method != "POST":
        return render(request, "account.html", {"nav": "account"})
    try:
        if "new_password" in request.POST:
            user = services.password_change(
                request=request,
                user=user,
                current_password=request.POST.get("current_password", ""),
                new_password=request.POST["new_password"],
            )
            login(request, user)  # every session ended with the old password; this one goes on
            messages.success(request, "Your password is changed. You were signed out everywhere else.")
        else:
            services.user_update(actor=user, user=user, full_name=request.POST.get("full_name", ""))
            messages.success(request, "Your name is saved.")
    except VerbatimError as error:
        context = {"nav": "account", "error": error, "errors": error.details}
        return render(request, "account.html", context, status=error.status)
    return redirect("account")


@page
@require_GET
def users(request: HttpRequest) -> HttpResponse:
    """Everybody, for admins."""
    user = _admin(request)
    roles = [role for role in Role.choices if user.is_superuser or role[0] != Role.SUPERADMIN]
    data = {"me": user.pk, "is_superadmin": user.is_superuser, "roles": roles}
    return render(request, "users.html", {"nav": "users", "tab": "people", "page_data": data, "roles": roles})


@page
@require_GET
def groups(request: HttpRequest) -> HttpResponse:
    """The groups and who is in them, for admins."""
    _admin(request)
    return render(request, "groups.html", {"nav": "users", "tab": "groups"})


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # `page` lets nobody else in
    return request.user


def _admin(request: HttpRequest) -> User:
    user = _user(request)
    if not user.is_admin:
        raise VerbatimError(ErrorCode.PERMISSION_DENIED)
    return user


def _next(request: HttpRequest) -> str:
    """Where to go after signing in: an address of this site that the caller named, or the overview."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    same_site = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if same_site else settings.LOGIN_REDIRECT_URL


def _door(
    request: HttpRequest, template: str, *, error: VerbatimError | None = None, **typed: Any
) -> HttpResponse:
    context = {"next": request.POST.get("next") or request.GET.get("next") or "", "error": error, **typed}
    if error is None:
        return render(request, template, context)
    response = render(request, template, context | {"errors": error.details}, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(max(1, round(error.retry_after)))
    return response
