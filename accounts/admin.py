"""The superadmin's console: people, groups, the ledger, and what the job queue did."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from django_celery_results.models import GroupResult, TaskResult
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserCreationForm

from accounts import api_keys, groups, services
from accounts.console import ConsoleSignInForm, ReadOnly, RefusalsAsMessages, in_words
from accounts.models import ApiKey, AuditEntry, User
from accounts.permissions import caller
from accounts.views import signout
from config.errors import VerbatimError

admin.site.login_form = ConsoleSignInForm
# Django's own pages would change the password and sign out past us: tokens and sockets would live on.
admin.site.password_change = lambda request, extra_context=None: redirect("account")  # type: ignore[assignment,method-assign,return-value]
admin.site.logout = lambda request, extra_context=None: signout(request)  # type: ignore[assignment,method-assign,return-value]
for model in (
    Group,
    TaskResult,
    GroupResult,
    OutstandingToken,  # ledgers of credentials: of no use to a reader, so not shown
    BlacklistedToken,
    PeriodicTask,
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    SolarSchedule,
):
    admin.site.unregister(model)


class UserAddForm(UserCreationForm):
    """A new user with a first password (always a usable one)."""

    class Meta:
        model = User
        fields = ("email", "full_name", "role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("usable_password", None)


class UserChangeForm(forms.ModelForm):
    """What can be changed; the password has its own page."""

    class Meta:
        model = User
        fields = ("full_name", "role", "is_active", "groups")


class PasswordForm(AdminPasswordChangeForm):
    """A new password for somebody; his tokens, sessions and sockets end."""

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields.pop("usable_password", None)
        for field in self.fields.values():
            field.required = True

    def save(self, commit: bool = True) -> User:
        return services.password_set(
            actor=self.user.changed_by, user=self.user, password=self.cleaned_data["password1"]
        )


@admin.register(User)
class UserAdmin(RefusalsAsMessages, DjangoUserAdmin, ModelAdmin):
    """People. Every change goes through `accounts.services`, which knows the rules of rank."""

    add_form = UserAddForm
    form = UserChangeForm
    change_password_form = PasswordForm
    ordering = ("email",)
    list_display = ("email", "full_name", "role", "is_active", "created_at", "last_login")
    list_filter = ("role", "is_active", "groups")
    search_fields = ("email", "full_name")
    filter_horizontal = ("groups",)
    readonly_fields = ("email", "created_at", "last_login")
    fieldsets = (
        (None, {"fields": ("email", "full_name", "role", "is_active")}),
        ("Groups", {"fields": ("groups",)}),
        ("Times", {"fields": ("created_at", "last_login")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "full_name", "role", "password1", "password2")}),)
    actions = ("activate", "deactivate")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return self.readonly_fields if obj else ()

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> User | None:
        user = super().get_object(request, object_id, from_field)
        if user is not None:
            user.changed_by = caller(request)  # Django gives the password form no request
        return user

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data if name != "groups"}
            services.user_update(actor=caller(request), user=obj, **changes)
            return
        made = services.user_create(
            actor=caller(request),
            email=obj.email,
            full_name=obj.full_name,
            role=obj.role,
            password=form.cleaned_data["password1"],
        )
        obj.__dict__.update(made.__dict__)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        if "groups" in form.changed_data:
            chosen = form.cleaned_data["groups"]
            groups.user_groups_set(actor=caller(request), user=form.instance, groups=chosen)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        services.user_delete(actor=caller(request), user=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        with transaction.atomic():
            for user in queryset:
                services.user_delete(actor=caller(request), user=user)

    @admin.action(description="Activate the chosen users")
    def activate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, lambda user: self._set_active(request, user, True))

    @admin.action(description="Deactivate the chosen users (ends their sessions)")
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._each(request, queryset, lambda user: self._set_active(request, user, False))

    def _set_active(self, request: HttpRequest, user: User, is_active: bool) -> None:
        services.user_update(actor=caller(request), user=user, is_active=is_active)

    def _each(self, request: HttpRequest, queryset: QuerySet[User], change: Callable[[User], None]) -> None:
        done = 0
        for user in queryset:
            try:
                change(user)
                done += 1
            except VerbatimError as error:
                messages.error(request, f"{user}: {in_words(error)}")
        messages.success(request, f"{done} users changed.")


class GroupForm(forms.ModelForm):
    """A group's name and its people."""

    users = forms.ModelMultipleChoiceField(
        queryset=User.objects.order_by("email"),
        required=False,
        widget=FilteredSelectMultiple("people", is_stacked=False),
    )

    class Meta:
        model = Group
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["users"].initial = self.instance.user_set.all()


@admin.register(Group)
class GroupAdmin(RefusalsAsMessages, ModelAdmin):
    """Groups of people. Django's permissions have no meaning here: only superadmins enter the console."""

    form = GroupForm
    list_display = ("name", "people")
    search_fields = ("name",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return super().get_queryset(request).annotate(user_count=Count("user"))

    @admin.display(ordering="user_count")
    def people(self, group: Group) -> int:
        return group.user_count  # type: ignore[attr-defined]

    def save_model(self, request: HttpRequest, obj: Group, form: forms.ModelForm, change: bool) -> None:
        user_ids = [user.pk for user in form.cleaned_data["users"]]
        if change:
            groups.group_update(actor=caller(request), group=obj, name=obj.name, user_ids=user_ids)
        else:
            obj.pk = groups.group_create(actor=caller(request), name=obj.name, user_ids=user_ids).pk

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The people were saved with the group."""

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        groups.group_delete(actor=caller(request), group=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> None:
        for group in queryset:
            groups.group_delete(actor=caller(request), group=group)


@admin.register(ApiKey)
class ApiKeyAdmin(RefusalsAsMessages, ReadOnly, ModelAdmin):
    """Whose programs may ask, and since when they did not. Deleting a key revokes it."""

    list_display = ("user", "name", "prefix", "created_at", "last_used_at", "expires_at")
    list_filter = ("last_used_at", "expires_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "name", "prefix")
    date_hierarchy = "created_at"
    exclude = ("digest",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def delete_model(self, request: HttpRequest, obj: ApiKey) -> None:
        api_keys.key_delete(actor=caller(request), key=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        with transaction.atomic():
            for key in queryset.select_related("user"):
                api_keys.key_delete(actor=caller(request), key=key)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, ModelAdmin):
    """Who did what, and when."""

    list_display = ("at", "actor_email", "action", "target", "address")
    list_filter = ("action", "at")
    search_fields = ("actor_email", "target")
    date_hierarchy = "at"


@admin.register(TaskResult)
class TaskResultAdmin(ReadOnly, ModelAdmin):
    """What the workers did lately."""

    list_display = ("date_done", "task_name", "status", "worker", "task_id")
    list_filter = ("status", "task_name", "date_done")
    search_fields = ("task_id", "task_name")
    date_hierarchy = "date_done"


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(ReadOnly, ModelAdmin):
    """What runs by the clock; the schedule itself is in the settings."""

    list_display = ("name", "task", "enabled", "last_run_at", "total_run_count")
