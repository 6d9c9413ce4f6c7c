"""Text that came over a wire, made fit for PostgreSQL and UTF-8."""


def storable(text: str) -> str:
    """The text without NUL characters (PostgreSQL refuses them) and with lone surrogates replaced."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def one_line(text: str, limit: int) -> str:
    """The text on one line, at most `limit` characters long; an ellipsis says that it was cut."""
    line = " ".join(storable(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
