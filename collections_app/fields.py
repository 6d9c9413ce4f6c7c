"""An encrypted text whose loss is a visible state, never an error page and never sent as a key."""

from typing import Any

from cryptography.fernet import InvalidToken
from fernet_fields import EncryptedTextField


class Undecryptable:
    """Stands for a stored value that none of FERNET_KEYS opens."""

    def __repr__(self) -> str:
        return "<undecryptable>"

    def __bool__(self) -> bool:
        return False


UNDECRYPTABLE = Undecryptable()


class SecretTextField(EncryptedTextField):
    """`EncryptedTextField`, but loading a row with a lost key gives UNDECRYPTABLE instead of raising.

    Saving UNDECRYPTABLE is refused: services write this column with `update_fields` only when it changes.
    """

    def from_db_value(self, value: Any, expression: Any, connection: Any, *args: Any) -> Any:
        try:
            return super().from_db_value(value, expression, connection, *args)
        except InvalidToken:
            return UNDECRYPTABLE

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if isinstance(value, Undecryptable):
            raise ValueError("an undecryptable secret cannot be saved; use update_fields")
        return super().get_db_prep_save(value, connection)

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, Undecryptable) else super().to_python(value)
