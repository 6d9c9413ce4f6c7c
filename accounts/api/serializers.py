"""People, groups and credentials as JSON."""

from typing import Any

from django.contrib.auth.models import Group
from rest_framework import serializers

from accounts.models import Role, User
from accounts.services import MAX_PASSWORD_CHARS


class UserSerializer(serializers.ModelSerializer):
    """A user, as he and admins see him."""

    class Meta:
        model = User
        fields = ["id", "email", "full_name", "role", "is_active", "created_at"]
        read_only_fields = fields


class PasswordField(serializers.CharField):
    """Write-only, not trimmed, bounded: hashing megabytes costs more than sending them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            write_only=True,
            trim_whitespace=False,
            max_length=MAX_PASSWORD_CHARS,
            style={"input_type": "password"},
            **kwargs,
        )


class SignupInput(serializers.Serializer):
    email = serializers.EmailField(max_length=254)
    password = PasswordField()
    full_name = serializers.CharField(max_length=150, required=False, allow_blank=True, default="")


class LoginInput(serializers.Serializer):
    email = serializers.CharField(max_length=254)
    password = PasswordField()


class RefreshInput(serializers.Serializer):
    refresh = serializers.CharField(max_length=4096)


class PasswordInput(serializers.Serializer):
    current_password = PasswordField()
    new_password = PasswordField()


class PairSerializer(serializers.Serializer):
    """An access and a refresh token."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class LoginSerializer(PairSerializer):
    token_type = serializers.CharField(default="bearer")
    user = UserSerializer()


class TicketSerializer(serializers.Serializer):
    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")


class UserCreateInput(serializers.Serializer):
    """An admin creates somebody; without a password one is made up and told once."""

    email = serializers.EmailField(max_length=254)
    full_name = serializers.CharField(max_length=150, required=False, allow_blank=True, default="")
    role = serializers.ChoiceField(choices=Role.choices, default=Role.USER)
    password = PasswordField(required=False)


class UserCreatedSerializer(UserSerializer):
    initial_password = serializers.CharField(
        allow_null=True, help_text="Told this once, if none was given; else null."
    )

    class Meta(UserSerializer.Meta):
        fields = [*UserSerializer.Meta.fields, "initial_password"]


class NewPasswordSerializer(serializers.Serializer):
    new_password = serializers.CharField(help_text="Made up and told this once.")


class UserUpdateInput(serializers.Serializer):
    full_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    is_active = serializers.BooleanField(required=False)


class GroupSerializer(serializers.ModelSerializer):
    """A group with the people in it."""

    user_ids = serializers.SerializerMethodField()
    user_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Group
        fields = ["id", "name", "user_count", "user_ids"]
        read_only_fields = fields

    def get_user_ids(self, group: Group) -> list[int]:
        return [user.pk for user in group.user_set.all()]


class GroupInput(serializers.Serializer):
    name = serializers.CharField(max_length=150)
    user_ids = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=10_000)
