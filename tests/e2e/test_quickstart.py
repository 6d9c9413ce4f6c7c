"""`make run` on a fresh data directory: starts, tells the address, stops cleanly, starts again."""

import os
import re
import signal
import socket
import time

import httpx
import psutil
import pytest

from tests.e2e.conftest import start_product

pytestmark = pytest.mark.e2e


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_first_start_shows_address_and_password_once_and_leaves_nothing_behind(data_dir):
    first = start_product(data_dir, PORT="8801")
    output = "\n".join(first.lines)
    assert first.url == "http://127.0.0.1:8801", output
    time.sleep(0.5)
    output = "\n".join(first.lines)
    password = re.search(r"Password\s+(\S+)", output)
    assert password, output
    email = re.search(r"Sign in as (\S+)", output).group(1)
    signed_in = httpx.post(
        f"{first.url}/api/auth/login", json={"email": email, "password": password.group(1)}, timeout=30
    )
    assert signed_in.status_code == 200
    assert signed_in.json()["user"]["role"] == "superadmin"
    family = first.family()
    assert len(family) >= 5
    assert first.stop() == 0, "\n".join(first.lines)
    assert alive(family) == []

    second = start_product(data_dir, PORT="8801")
    assert second.url, "\n".join(second.lines)
    assert second.seconds_to_serve < first.seconds_to_serve + 5
    time.sleep(0.5)
    assert "Password" not in "\n".join(second.lines)
    again = httpx.post(
        f"{second.url}/api/auth/login", json={"email": email, "password": password.group(1)}, timeout=30
    )
    assert again.status_code == 200
    third = start_product(data_dir, PORT="8802")
    assert third.process.wait(20) == 1
    time.sleep(0.2)
    assert "already runs" in "\n".join(third.lines)
    assert second.stop(signal.SIGTERM) == 0


def test_a_taken_port_is_stepped_over_and_a_dead_child_comes_back(data_dir):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 8811))
        taken.listen()
        product = start_product(data_dir, PORT="8811", SUPERADMIN_EMAIL="a@example.com")
    assert product.url == "http://127.0.0.1:8812", "\n".join(product.lines)
    web = next(p for p in product.family() if "uvicorn" in p.cmdline())
    web.kill()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{product.url}/health/live", timeout=2).status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.2)
    else:
        pytest.fail("the web server did not come back:\n" + "\n".join(product.lines))
    assert any("web ended" in line for line in product.lines)
    os.kill(int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"{product.url}/health/ready", timeout=15).json()
        except httpx.TransportError:
            continue
        if answer["checks"]["database"] == "ok" and any("postgres ended" in line for line in product.lines):
            break
        time.sleep(0.2)
    else:
        pytest.fail("the database did not come back:\n" + "\n".join(product.lines))
    family = product.family()
    os.kill(product.process.pid, signal.SIGKILL)
    product.process.wait()
    deadline = time.monotonic() + 30
    ours = [p for p in family if "postgres" not in p.name()]
    while alive(ours) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert alive(ours) == [], "children outlived a killed supervisor"
    successor = start_product(data_dir, PORT="8811")
    assert successor.url, "\n".join(successor.lines)
    family = successor.family()
    assert successor.stop() == 0
    assert alive(family) == []


def test_an_unreachable_database_is_said_in_one_sentence(data_dir):
    product = start_product(
        data_dir, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", PORT="8821"
    )
    assert product.process.wait(60) == 1
    time.sleep(0.2)
    output = "\n".join(product.lines)
    assert "The database does not answer" in output
    assert "Traceback" not in output
