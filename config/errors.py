"""Every refusal of Verbatim: a stable code, an HTTP status, a sentence for a person and a next step.

The same codes go out over REST, the sockets and the event stream; `docs/errors.md` lists them all.
"""

from typing import Any

from config.error_codes import DEFINITIONS, ErrorCode

__all__ = ["ErrorCode", "PermanentError", "TransientError", "VerbatimError"]


class VerbatimError(Exception):
    """The one base of every refusal that a person may see.

    Args:
        code: which refusal.
        message: replaces the code's sentence when something more exact can be said.
        details: facts for clients, e.g. one entry per field for a validation error.
        next_step: replaces the code's next step.
        retry_after: seconds until trying again may help.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str = "",
        *,
        details: dict[str, Any] | None = None,
        next_step: str = "",
        retry_after: float | None = None,
    ) -> None:
        definition = DEFINITIONS[code]
        self.code = code
        self.message = message or definition.message
        self.next_step = next_step or definition.next_step
        self.status = definition.status
        self.retryable = definition.retryable
        self.details = details or {}
        self.retry_after = retry_after
        super().__init__(f"{code}: {self.message}")

    def as_dict(self) -> dict[str, Any]:
        """The body of the contract's `error` object."""
        details = dict(self.details)
        if self.next_step:
            details.setdefault("next_step", self.next_step)
        return {"code": str(self.code), "message": self.message, "details": details}


class TransientError(VerbatimError):
    """May go away by itself: the work is tried again, a bounded number of times."""


class PermanentError(VerbatimError):
    """Will not go away by itself: trying again is pointless until somebody acts."""
