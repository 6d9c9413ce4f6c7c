"""The ledger: who did what to what. Written here only; never changed, never holding a secret."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model

from accounts.models import AuditEntry, User


def record(
    actor: User | AnonymousUser | None,
    action: str,
    target: Model | str = "",
    *,
    address: str | None = None,
    **details: Any,
) -> AuditEntry:
    """Write one entry, in the transaction of the change that it tells of.

    Args:
        actor: who did it; None for the system itself.
        action: `<thing>.<what happened>`, e.g. `model.updated`.
        target: the row, or a name for it.
        address: the client's address, where a request brought one.
        details: JSON-able facts. Never keys, passwords or tokens.
    """
    known = actor if isinstance(actor, User) else None
    return AuditEntry.objects.create(
        actor=known,
        actor_email=known.email if known else "",
        action=action,
        target=_name(target)[:200],
        details=details,
        address=address or None,
    )


def _name(target: Model | str) -> str:
    if isinstance(target, str):
        return target
    return f"{target._meta.verbose_name} {target.pk}: {target}"
