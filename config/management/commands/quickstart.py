"""`make run`: everything that Verbatim needs, on one machine, in one terminal."""

import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from config.embedded import llm, local, ports, postgres, redis
from config.embedded.supervisor import Service, Supervisor
from config.env import env_int, env_str
from config.management.commands.prepare import prepare

WEB_START_SECONDS = 60
LOOK_SECONDS = 1.0
FORESEEN = (RuntimeError, OSError, ImproperlyConfigured, DatabaseError, subprocess.SubprocessError)
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(BaseCommand):
    """One supervisor process: embedded services, migrations, web, worker, beat, the built-in LLM."""

    help = "Start Verbatim on this machine. Ctrl-C stops it."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.SETTINGS_MODULE != "config.settings.dev":
            raise CommandError("quickstart is for one machine; run it with config.settings.dev.")
        self.supervisor = Supervisor(settings.DATA_DIR / "logs", self.say)
        self.postgres: postgres.Server | None = None
        self.serving = False
        for number in ENDING:
            signal.signal(number, _leave)
        with self._only_one():
            try:
                self._run()
            except KeyboardInterrupt:
                self.say("\nStopping ...")
            except FORESEEN as error:
                verb = "had to stop" if self.serving else "cannot start"
                raise CommandError(f"Verbatim {verb}: {str(error).strip()}") from error
            finally:
                self._stop()
        self.say("Stopped; everything is kept in " + str(settings.DATA_DIR))

    def say(self, line: str) -> None:
        try:
            self.stdout.write(line)
            self.stdout.flush()
        except OSError:
            pass  # the terminal is gone; stopping goes on without it

    def _run(self) -> None:
        host = env_str("HOST", "127.0.0.1")
        wanted = env_int("PORT", 8000, low=1, high=65535)
        self._start_services()
        prepared = prepare(demo=True)
        port = ports.first_free(host, wanted)
        if port != wanted:
            self.say(f"Port {wanted} is taken; using {port}.")
        self._start_llm()
        web = self._start_verbatim(host, port)
        self._wait_for_web(host, port, web)
        self._greet(host, port, prepared)
        self.serving = True
        while True:
            time.sleep(LOOK_SECONDS)
            self.supervisor.check()
            self._check_postgres()

    def _check_postgres(self) -> None:
        """Start PostgreSQL again when it was killed, say for want of memory."""
        if self.postgres is not None and not postgres.runs(self.postgres):
            self.say("postgres ended; starting it again.")
            with _uninterrupted():
                self.postgres = postgres.start(settings.DATA_DIR)

    def _start_services(self) -> None:
        """The embedded PostgreSQL and Redis, unless their addresses were given."""
        own_postgres, own_redis = local.embedded_services()
        if own_redis:
            service = Service("redis", redis.command(settings.DATA_DIR), serves_others=True)
            redis.wait_until_ready(settings.DATA_DIR, self.supervisor.start(service))
        if own_postgres:
            with _uninterrupted():  # half a start would leave a server behind that nobody knows of
                self.postgres = postgres.start(settings.DATA_DIR)

    def _start_llm(self) -> None:
        """The built-in LLM; its address goes to web and worker through the environment."""
        if settings.BUILTIN_LLM_URL or not llm.available():
            return
        port = ports.any_free()
        os.environ["BUILTIN_LLM_URL"] = f"http://127.0.0.1:{port}/v1"
        command = [sys.executable, "-m", "config.embedded.llm", str(port)]
        self.supervisor.start(Service("builtin-llm", command, essential=False))

    def _start_verbatim(self, host: str, port: int) -> Service:
        """Web, worker and beat.

        When this process is killed, Redis is ended in the same moment, and a worker that ends warm waits for
        it; what a killed one had in hand is taken up again.
        """
        celery = [sys.executable, "-m", "celery", "-A", "config"]
        web = Service(
            "web",
            [sys.executable, "-m", "uvicorn", "config.asgi:application"]
            + ["--host", host, "--port", str(port), "--no-access-log", "--no-proxy-headers"]
            + ["--ws-max-size", str(settings.WS_MAX_SIZE), "--ws-per-message-deflate", "false"]
            + ["--timeout-graceful-shutdown", "10"],
        )
        self.supervisor.start(web)
        worker = ["worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
        self.supervisor.start(Service("worker", [*celery, *worker], orphan_signal=signal.SIGKILL))
        self.supervisor.start(Service("beat", [*celery, "beat", "--loglevel", "WARNING", "--pidfile="]))
        return web

    def _wait_for_web(self, host: str, port: int, web: Service) -> None:
        deadline = time.monotonic() + WEB_START_SECONDS
        address = f"http://{_reachable(host)}:{port}/health/live"
        while time.monotonic() < deadline:
            try:
                if httpx.get(address, timeout=2, trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert web.process is not None
            if web.process.poll() is not None:
                raise RuntimeError(f"the web server ended: {self.supervisor.last_words(web)}")
            time.sleep(0.05)
        raise RuntimeError(f"the web server did not answer within {WEB_START_SECONDS} seconds.")

    def _greet(self, host: str, port: int, prepared: dict[str, str | None]) -> None:
        from chat.llm.discovery import ollama_models

        logging.getLogger("chat.llm").setLevel(logging.WARNING)  # that none answers is no news
        lines = ["", f"  Verbatim {settings.VERSION} runs at http://{_reachable(host)}:{port}/"]
        lines.append(f"  Sign in as {prepared['email']}")
        if prepared["password"]:
            lines.append(
                f"  Password   {prepared['password']}   (shown this once; change it after signing in)"
            )
        models = ollama_models()
        if models is not None:
            known = f"with {', '.join(models[:5])}" if models else "without any model yet"
            lines.append(f"  An Ollama answers at {settings.OLLAMA_BASE_URL} {known}:")
            lines.append("  choose the provider Ollama when you create or edit a model.")
        lines += [f"  Data and logs are in {settings.DATA_DIR}; Ctrl-C stops everything.", ""]
        for line in lines:
            self.say(line)

    def _only_one(self) -> Any:
        """A lock on the data directory, held while we run.

        Raises:
            CommandError: another one runs on the same data.
        """
        file = (settings.DATA_DIR / "quickstart.lock").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise CommandError(
                f"Verbatim already runs on {settings.DATA_DIR}; stop that one first."
            ) from None
        return file

    def _stop(self) -> None:
        """Children first, PostgreSQL last. A second Ctrl-C does not interrupt this."""
        _deafen()
        self.supervisor.stop()
        if self.postgres is not None:
            postgres.stop(self.postgres)


def _leave(number: int, frame: Any) -> None:
    _deafen()
    raise KeyboardInterrupt


def _deafen() -> None:
    """From here on we are leaving; being told again would interrupt that."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the end, for us and for the programs that are run meanwhile."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _reachable(host: str) -> str:
    """An address that a browser on this machine can open."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104
