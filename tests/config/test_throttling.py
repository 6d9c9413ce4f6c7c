"""Whose attempts count together: the address as far as it can be trusted, an IPv6 network as one."""

import pytest
from django.test import RequestFactory
from rest_framework.test import APIClient

from config import redis
from config.api.throttling import client_address, client_network
from tests.conftest import PASSWORD


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("unknown", "198.51.100.7"),
        ("<script>", "198.51.100.7"),
        ("", "198.51.100.7"),
    ],
)
def test_the_address_is_an_address_or_the_direct_one(settings, forwarded, address):
    settings.TRUSTED_PROXY_HOPS = 1
    request = RequestFactory().get("/", REMOTE_ADDR="198.51.100.7", headers={"X-Forwarded-For": forwarded})
    assert client_address(request) == address


def test_a_unix_socket_has_no_address():
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) == ""


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_network_counts_as_one(address, network):
    assert client_network(address) == network


def test_a_new_address_of_the_same_network_is_no_new_beginning(db, settings):
    redis.client().flushdb()
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] | {"signin_address": "2/min"}
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": rates}
    codes = [
        APIClient()
        .post(
            "/api/auth/login",
            {"email": f"u{number}@example.com", "password": "x"},
            format="json",
            REMOTE_ADDR=f"2001:db8::{number}",
        )
        .status_code
        for number in range(1, 4)
    ]
    assert codes == [401, 401, 429]
    redis.client().flushdb()


def test_a_proxy_that_adds_the_port_breaks_no_sign_in(member, settings):
    settings.TRUSTED_PROXY_HOPS = 1
    login = {"email": member.email, "password": PASSWORD}
    for forwarded in ("203.0.113.9:4711", "unknown"):
        client = APIClient(headers={"X-Forwarded-For": forwarded})
        assert client.post("/api/auth/login", login, format="json").status_code == 200
