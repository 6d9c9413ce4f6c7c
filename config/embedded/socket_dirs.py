"""Where the embedded servers put their unix sockets: their paths must be short, a data directory is free."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

PATH_LIMIT = 100  # bytes of the socket's whole path; Linux allows 107, macOS 103
SPECIAL = frozenset(",\"'\\\n")  # characters that PostgreSQL's list of directories gives a meaning to


def socket_dir(wanted: Path, socket_name: str) -> Path:
    """The wanted directory, or a short one under the temporary directory; for one root always the same.

    Args:
        wanted: a directory of the server's own, under the data directory.
        socket_name: the file that the server will make in it.
    """
    if len(os.fsencode(wanted / socket_name)) <= PATH_LIMIT and not SPECIAL & set(str(wanted)):
        return wanted
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"verbatim-{os.getuid()}-{digest}"


def make_private(folder: Path, owner: int | None = None) -> None:
    """Make the directory, for its owner alone; what others may have put there is refused.

    Args:
        folder: which.
        owner: a user id; whoever runs this process when None.

    Raises:
        RuntimeError: somebody else made it, or it is no directory.
    """
    owner = os.getuid() if owner is None else owner
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.getuid(), owner):
        raise RuntimeError(f"{folder} belongs to somebody else; remove it.")
    folder.chmod(0o700)
    if found.st_uid != owner:
        os.chown(folder, owner, -1)
