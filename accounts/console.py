"""What the pages of the admin console share: refusals as messages, read-only ledgers, one sign-in rule."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.forms import AuthenticationForm

from accounts import services
from config.errors import VerbatimError


class RefusalsAsMessages:
    """For a ModelAdmin whose changes go through services: their refusals are shown, never an error page.

    The console's transaction has been rolled back by then, so a refused bulk action changed nothing.
    """

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._guarded(super().changeform_view, request, *args, **kwargs)  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._guarded(super().changelist_view, request, *args, **kwargs)  # type: ignore[misc]

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._guarded(super().delete_view, request, *args, **kwargs)  # type: ignore[misc]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        """Name what was chosen, and nothing below it: that may be a million passages.

        Whether the deletion is allowed is for the service to say.
        """
        chosen = [str(obj) for obj in objs]
        return chosen, {self.opts.verbose_name_plural: len(chosen)}, set(), []  # type: ignore[attr-defined]

    def _guarded(
        self, view: Callable[..., HttpResponse], request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except VerbatimError as error:
            messages.error(request, in_words(error))
            return HttpResponseRedirect(request.get_full_path())


class ReadOnly:
    """For a ModelAdmin that shows a ledger."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ConsoleSignInForm(AuthenticationForm):
    """The console's sign-in obeys the same throttle and gives the same answers as every other door."""

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            try:
                self.user_cache = services.sign_in(request=self.request, email=email, password=password)
            except VerbatimError as error:
                raise ValidationError(in_words(error)) from error
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


def in_words(error: VerbatimError) -> str:
    """The refusal as one line for a person, its fields included."""
    parts = [error.message]
    for field, reasons in error.details.items():
        if isinstance(reasons, list):
            parts.append(f"{field}: {' '.join(str(reason) for reason in reasons)}")
    return " ".join([*parts, error.next_step]).strip()
