"""The embedded PostgreSQL and Redis: where they listen, for whom, and what they do after an accident."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis as redis_client

from config.embedded import postgres, redis
from config.embedded.socket_dirs import PATH_LIMIT, make_private, socket_dir

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def root() -> Iterator[Path]:
    """A data directory with a short path of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ve-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def answers(root: Path) -> bool:
    with psycopg.connect(postgres.url(root)) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("name", ["with blank %41 and #", 'it\'s, "odd"', "long" * 40])
def test_both_servers_answer_under_any_path_and_to_nobody_else(root, name):
    folder = root / name
    folder.mkdir()
    server = postgres.start(folder)
    broker = subprocess.Popen(redis.command(folder), stdout=subprocess.DEVNULL)
    try:
        redis.wait_until_ready(folder, broker)
        assert answers(folder)
        assert redis_client.Redis.from_url(redis.url(folder)).ping()
        sockets = [postgres._socket_dir(folder) / ".s.PGSQL.5432", redis.socket_path(folder)]
        for path in sockets:
            assert len(os.fsencode(path)) <= PATH_LIMIT
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        broker.terminate()
        broker.wait(10)
        postgres.stop(server)
        for path in sockets:
            shutil.rmtree(path.parent, ignore_errors=True)


def test_it_starts_again_after_every_kind_of_accident(root):
    (root / "postgres.new").mkdir()  # the machine died while the cluster was made
    (root / "postgres.new" / "PG_VERSION").write_text("18\n")
    server = postgres.start(root)
    assert answers(root)
    # the supervisor was killed: its server still runs, and is replaced
    old = postgres._postmaster(server.data).pid
    server = postgres.start(root)
    assert postgres._postmaster(server.data).pid != old
    assert answers(root)
    # the machine died: the file names a process that is somebody else's by now, with another socket
    process = postgres._postmaster(server.data)
    lines = (server.data / "postmaster.pid").read_text().splitlines()
    process.kill()
    process.wait(10)
    stranger = subprocess.Popen(["sleep", "60"])
    lines[0], lines[4] = str(stranger.pid), "/nowhere"
    (server.data / "postmaster.pid").write_text("\n".join(lines) + "\n")
    try:
        server = postgres.start(root)
        assert answers(root)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        postgres.stop(server)
    assert postgres._postmaster(server.data) is None
    postgres.stop(server)  # twice is no fault


def test_a_cluster_that_cannot_run_is_told_in_one_sentence(root):
    server = postgres.start(root)
    postgres.stop(server)
    (server.data / "global" / "pg_control").unlink()
    with pytest.raises(RuntimeError, match=r"PostgreSQL: .*pg_control.* \(log: .*\)"):
        postgres.start(root)


def test_a_socket_directory_that_somebody_else_made_is_refused(root):
    wanted = root / ("long" * 40)
    short = socket_dir(wanted, "redis.sock")
    assert short == socket_dir(wanted, "redis.sock")
    assert short != socket_dir(root / ("lang" * 40), "redis.sock")
    elsewhere = root / "elsewhere"
    elsewhere.mkdir()
    trap = root / "trap"
    trap.symlink_to(elsewhere)
    with pytest.raises(RuntimeError, match="belongs to somebody else"):
        make_private(trap)
    if os.getuid() == 0:
        foreign = root / "foreign"
        foreign.mkdir()
        os.chown(foreign, 12345, -1)
        with pytest.raises(RuntimeError, match="belongs to somebody else"):
            make_private(foreign)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"DATA_DIR": "/proc/verbatim"}, "DATA_DIR cannot be used"),
        ({"MAX_FILE_SIZE_MB": "many"}, "MAX_FILE_SIZE_MB is 'many'; it must be a whole number."),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is shorter than 50 characters"),
        ({"PORT": "99999"}, "PORT is 99999; it must be between 1 and 65535."),
        ({"SUPERADMIN_PASSWORD": "password"}, "SUPERADMIN_EMAIL or SUPERADMIN_PASSWORD cannot be used"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_sentence(root, settings, said):
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    done = subprocess.run(
        [sys.executable, "manage.py", "quickstart"],
        cwd=ROOT,
        env=kept | {"DATA_DIR": str(root), "HF_HUB_OFFLINE": "1"} | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
