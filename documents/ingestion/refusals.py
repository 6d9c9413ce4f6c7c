"""What a reader says about a file, for the person who just sent it."""

from config.errors import ErrorCode, VerbatimError
from documents.parsing.base import ParseError


def refusal(error: ParseError, name: str) -> VerbatimError:
    """The refusal of a file.

    Args:
        error: what is wrong with it.
        name: as the client called it.
    """
    next_step = ""
    if name.lower().endswith(".zip"):
        next_step = "Upload it to /api/models/{id}/documents/bulk, which unpacks it, or unpack it yourself."
    return VerbatimError(ErrorCode(error.code), error.message, next_step=next_step)
