"""The whole product as separate real processes of its own, each of which a test may kill, stop and start."""

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from psycopg.rows import dict_row
from redis import Redis

from config.embedded import ports, postgres, redis

CODE = Path(__file__).resolve().parent.parent.parent
EMAIL, PASSWORD = "root@example.com", "an-unguessable-passphrase"
CELERY = [sys.executable, "-m", "celery", "-A", "config"]
WORKER = [*CELERY, "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
BEAT = [
    *CELERY,
    "beat",
    "--loglevel",
    "INFO",
    "--pidfile=",
    "--scheduler",
    "tests.faults.hasty:PatientScheduler",
]
START_SECONDS = 60
SIGNED_IN_SECONDS = 600  # the token lasts 1800
AWAY_SECONDS = 30


class Program:
    """One process with its children, in a group of its own."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.command = command
        self.environment = environment
        self.log = log
        self.process: subprocess.Popen | None = None

    def start(self) -> "Program":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=CODE,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """To the process and all its children."""
        os.killpg(self.pid, number)

    def kill(self) -> None:
        """kill -9 of the process and all its children."""
        if self.runs():
            self.signal(signal.SIGKILL)
            self.process.wait(10)

    def stop(self) -> None:
        """Ask it to end; whatever is left is killed."""
        if self.runs():
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                pass
        if self.process is not None:
            try:
                self.signal(signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait(10)

    def family(self, word: str) -> list[psutil.Process]:
        """Children and theirs whose command line holds the word."""
        found = []
        for process in psutil.Process(self.pid).children(recursive=True):
            try:
                if word in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def readers(self) -> list[psutil.Process]:
        """A worker's guarded children that read files."""
        return self.family("documents.parsing.child")


class Stack:
    """PostgreSQL, Redis, web, beat and workers on a data directory of their own.

    Args:
        root: an empty directory with a short path.
        environment: settings that differ from the defaults.
    """

    def __init__(self, root: Path, **environment: str) -> None:
        self.root = root
        self.data = root / "data"
        for name in ("data/files", "data/tmp", "logs", "static", "orders"):
            (root / name).mkdir(parents=True)
        self.port = ports.any_free()
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.settings.base",
            "DATA_DIR": str(self.data),
            "STATIC_ROOT": str(root / "static"),
            "DATABASE_URL": postgres.url(root),
            "REDIS_URL": redis.url(root),
            "WORKER_CONCURRENCY": "2",
            "SUPERADMIN_EMAIL": EMAIL,
            "SUPERADMIN_PASSWORD": PASSWORD,
            "SABOTAGE_ORDERS": str(root / "orders"),
            "BUILTIN_LLM_URL": "",
        }
        for name in ("SECRET_KEY", "JWT_SIGNING_KEY", "FERNET_KEYS"):
            self.environment[name] = secrets.token_urlsafe(64)
        self.environment |= environment
        self.workers: list[Program] = []
        self.redis = self._program("redis", redis.command(root))
        self.beat = self._program("beat", BEAT)
        self.web = self._web("web", self.port)
        self.other_port = ports.any_free()
        self.other_web = self._web("web-other", self.other_port)
        self.postgres: postgres.Server | None = None
        self.signed_in = 0.0
        # a connection that idles as long as the server keeps one may end just when it is used again
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            timeout=60,
            trust_env=False,
            limits=httpx.Limits(keepalive_expiry=2),
        )

    # --- processes --------------------------------------------------------------------------------
    def boot(self) -> None:
        """Services, migrations and the web server; no worker and no beat yet."""
        self.start_redis()
        self.postgres = postgres.start(self.root)
        subprocess.run([sys.executable, "manage.py", "prepare"], cwd=CODE, env=self.environment, check=True)
        self.start_web()

    def down(self) -> None:
        """End everything."""
        self.client.close()
        for program in (*self.workers, self.beat, self.web, self.other_web, self.redis):
            program.stop()
        if self.postgres is not None:
            postgres.stop(self.postgres)

    def ensure(self) -> None:
        """Everything runs, with one worker: the state in which a test finds the stack."""
        if not self.redis.runs():
            self.start_redis()
        assert self.postgres is not None
        if not postgres.runs(self.postgres):
            self.start_postgres()
        if not self.web.runs():
            self.start_web()
        if not self.beat.runs():
            self.beat.start()
        self.workers = [worker for worker in self.workers if worker.runs()]
        if not self.workers:
            self.worker()
        self.wait_for_worker()
        if time.monotonic() - self.signed_in > SIGNED_IN_SECONDS:
            self.sign_in()

    def worker(self, name: str = "a", **environment: str) -> Program:
        """Start a worker. `tests.faults.sabotage` is loaded into it and does nothing without an order."""
        command = [*WORKER, "--include", "tests.faults.sabotage", "--hostname", f"{name}@faults"]
        made = self._program(f"worker-{name}", command, **environment).start()
        self.workers.append(made)
        return made

    def start_redis(self) -> None:
        self.redis.start()
        redis.wait_until_ready(self.root, self.redis.process)

    def start_web(self) -> None:
        self.web.start()
        self._until_it_serves(self.port)

    def start_other_web(self) -> None:
        """A second web process beside the first, for tests that need one; it stays."""
        if not self.other_web.runs():
            self.other_web.start()
            self._until_it_serves(self.other_port)

    def start_postgres(self) -> None:
        self.postgres = postgres.start(self.root)

    def stop_postgres(self, mode: str) -> None:
        """`fast` ends all sessions in order; `immediate` is a crash, from which it recovers at the start."""
        assert self.postgres is not None
        postgres._pg_ctl(self.postgres, "stop", "-m", mode, "-t", "60")

    def clean(self) -> None:
        """The sweeper's hourly cleaning, now, and of young files too."""
        code = "from documents.ingestion import sweeper; sweeper.ORPHAN_SECONDS = -1; sweeper.clean()"
        command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
        subprocess.run(command, cwd=CODE, env=self.environment, check=True)

    def wait_for_worker(self) -> None:
        """Until the product itself says that a worker is there."""
        self.wait(lambda: self.health()["checks"]["worker"] == "ok", 60)

    # --- the product, as its clients see it -------------------------------------------------------
    def sign_in(self) -> None:
        answer = self.client.post("/api/auth/login", json={"email": EMAIL, "password": PASSWORD})
        answer.raise_for_status()
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        self.signed_in = time.monotonic()

    def pages(self) -> httpx.Client:
        """A browser's session: signed in by the form."""
        client = httpx.Client(base_url=self.client.base_url, timeout=60, trust_env=False)
        client.get("/signin")
        form = {"email": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
        assert client.post("/signin", data=form).status_code == 302
        return client

    def health(self) -> dict[str, Any]:
        return self.client.get("/health/ready").json()

    def collection(self, name: str = "") -> int:
        """A new model; its id."""
        body = {"name": name or f"model {secrets.token_hex(4)}", "llm_provider": "extractive"}
        answer = self.client.post("/api/models", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def send(self, content: bytes, name: str, collection: int) -> httpx.Response:
        return self.client.post(f"/api/models/{collection}/documents", files={"file": (name, content)})

    def upload(self, content: bytes, name: str = "book.txt", collection: int | None = None) -> int:
        """The document's id."""
        answer = self.send(content, name, collection or self.collection())
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def document(self, document_id: int) -> dict[str, Any]:
        """As the API tells it; asked again, as 503 says, while the server finds the database anew."""
        end = time.monotonic() + AWAY_SECONDS
        answer = self.client.get(f"/api/documents/{document_id}")
        while answer.status_code == 503 and time.monotonic() < end:
            time.sleep(0.5)
            answer = self.client.get(f"/api/documents/{document_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    # --- the rows -------------------------------------------------------------------------------
    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        url = self.environment["DATABASE_URL"]
        with psycopg.connect(url, autocommit=True, row_factory=dict_row, connect_timeout=5) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *parameters: Any) -> Any:
        return next(iter(self.rows(query, *parameters)[0].values()))

    def parts(self, document_id: int, status: str) -> int:
        """How many parts of the document's latest build are in that state."""
        query = (
            "SELECT count(*) FROM documents_documentpart p JOIN documents_document d ON d.id = p.document_id "
            "WHERE d.id = %s AND p.generation = d.generation AND p.status = %s"
        )
        return self.value(query, document_id, status)

    # --- help -----------------------------------------------------------------------------------
    def wait(self, condition: Any, seconds: float) -> None:
        """Until the condition holds; services may be away meanwhile."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if condition():
                    return
            except (psycopg.OperationalError, httpx.TransportError, ValueError):
                pass  # an outage is what many of these tests are about
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s in vain\n{self.tails()}")
            time.sleep(0.05)

    def order(self, point: str, action: str) -> Path:
        """Have whichever worker first comes to this point struck; see `tests.faults.sabotage`."""
        path = self.root / "orders" / point
        path.write_text(action)
        return path

    def redis_client(self) -> Redis:
        return Redis.from_url(self.environment["REDIS_URL"])

    def log_tail(self, name: str) -> str:
        path = self.root / "logs" / f"{name}.log"
        return f"--- {name}\n{path.read_text(errors='replace')[-4000:]}" if path.exists() else ""

    def tails(self) -> str:
        names = sorted(path.stem for path in (self.root / "logs").glob("*.log"))
        return "\n".join(self.log_tail(name) for name in names)

    def _web(self, name: str, port: int) -> Program:
        command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1"]
        options = ["--port", str(port), "--no-access-log", "--timeout-graceful-shutdown", "5"]
        return self._program(name, command + options)

    def _until_it_serves(self, port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if self.client.get(f"http://127.0.0.1:{port}/health/live").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(self.tails())

    def _program(self, name: str, command: list[str], **environment: str) -> Program:
        log = self.root / "logs" / f"{name}.log"
        return Program(command, self.environment | environment, log)
