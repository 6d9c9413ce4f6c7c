"""People, their API keys and what they did: `User` signs in, `ApiKey` lets in, `AuditEntry` remembers."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac


class Role(models.TextChoices):
    """What somebody may do; see `accounts.permissions`."""

    SUPERADMIN = "superadmin", "Superadmin"
    ADMIN = "admin", "Admin"
    USER = "user", "User"


class UserManager(BaseUserManager["User"]):
    """Creates users with a normalised e-mail address and a hashed password."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=normalise_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{**fields, "role": Role.SUPERADMIN})

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=normalise_email(username or ""))


def normalise_email(email: str) -> str:
    """The spelling under which an address is stored and looked up: trimmed, lower case."""
    return email.strip().lower()


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who may sign in. Django's staff and superuser flags follow from the role."""

    email = models.EmailField(max_length=254, unique=True)
    full_name = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.USER)
    is_active = models.BooleanField(default=True)
    token_version = models.PositiveIntegerField(
        default=0, help_text="Raised to revoke every token and open socket of this user."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ("email",)
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_ignores_case")]

    def __str__(self) -> str:
        return self.email

    @property
    def is_superuser(self) -> bool:  # type: ignore[override]
        return self.role == Role.SUPERADMIN

    @property
    def is_staff(self) -> bool:
        return self.role == Role.SUPERADMIN

    @property
    def is_admin(self) -> bool:
        """Whether the user manages models, documents and people (admins and superadmins)."""
        return self.role in (Role.ADMIN, Role.SUPERADMIN)

    def get_full_name(self) -> str:
        return self.full_name or self.email

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Compared on every request: a session ends with the password and with `token_version`."""
        value = f"{self.token_version}:{self.password}"
        return salted_hmac("accounts.User.session", value, secret=secret, algorithm="sha256").hexdigest()


class ApiKey(models.Model):
    """What a program shows instead of a password. Made, checked and deleted by `accounts.api_keys`."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=8, unique=True, editable=False, help_text="Public; finds the row.")
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the whole key, in hex.")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False, help_text="To the minute.")
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} (vbt_{self.prefix}…)"


class AuditEntry(models.Model):
    """One line of the ledger: who did what to what, and when. Written by `accounts.audit`, never changed."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_email = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=64, db_index=True)
    target = models.CharField(max_length=200, blank=True)
    details = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        ordering = ("-at", "-id")
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.actor_email} {self.action} {self.target}"
