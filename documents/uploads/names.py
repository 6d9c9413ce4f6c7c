"""Names of files that come with folders: which of them are nobody's documents."""

import re

RUBBISH = {"__macosx", "thumbs.db", "desktop.ini"}


def is_rubbish(name: str) -> bool:
    """Whether an operating system left it there, or it is hidden: `__MACOSX/`, `.DS_Store`, `.git/config`."""
    parts = [part for part in re.split(r"[\\/]", name) if part not in ("", ".", "..")]
    return any(part.startswith(".") or part.lower() in RUBBISH for part in parts)


def is_zip(name: str, head: bytes) -> bool:
    """Whether a file is to be unpacked: by name and content, for office files are zip files too."""
    return name.lower().endswith(".zip") and head.startswith((b"PK\x03\x04", b"PK\x05\x06"))
