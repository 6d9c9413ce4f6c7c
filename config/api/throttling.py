"""Counting attempts per address, account or user, in Redis, with the rates of the settings.

A window starts with its first attempt and ends `period` seconds later; counting and starting are one
transaction in Redis, so that parallel attempts cannot slip through between reading and writing.
"""

import hashlib
import ipaddress
import re
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from redis.exceptions import RedisError
from rest_framework.request import Request

from config import redis
from config.errors import ErrorCode, VerbatimError

WITH_PORT = re.compile(r"(\d+\.\d+\.\d+\.\d+|\[.*\]):\d+")
PERIODS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def client_address(request: HttpRequest | Request) -> str:
    """The client's address as far as it can be trusted.

    X-Forwarded-For is a claim of whoever sent it. Only the last TRUSTED_PROXY_HOPS entries were written by
    our own proxies; the first of those is the address that the outermost proxy saw.

    Returns:
        An IP address, or "" where there is none (a unix socket, a proxy that writes something else).
    """
    direct = _address(str(request.META.get("REMOTE_ADDR") or ""))
    hops = settings.TRUSTED_PROXY_HOPS
    if not hops:
        return direct
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    claimed = [part for part in forwarded if part]
    return (_address(claimed[-hops]) if len(claimed) >= hops else "") or direct


def client_network(address: str) -> str:
    """Whose attempts count together: an IPv4 address, or an IPv6 /64, which one customer has for himself."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False))


def _address(text: str) -> str:
    """The IP address in the text, without the port that some proxies add; "" if it is none."""
    with_port = WITH_PORT.fullmatch(text)
    host = with_port[1] if with_port else text
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def rate(scope: str) -> tuple[int, int]:
    """The rate of a scope as (attempts, seconds), from `30/min` and the like."""
    rates = cast(dict[str, str], settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"])
    count, _, period = rates[scope].partition("/")
    return int(count), PERIODS[period[0]]


def hit(scope: str, identity: str, *, fail_closed: bool) -> None:
    """Count one attempt.

    Args:
        scope: a name in DEFAULT_THROTTLE_RATES.
        identity: whose attempts are counted together; stored as a hash.
        fail_closed: refuse when Redis cannot count. True where guessing must be stopped (sign-in), false
            where people are to go on working.

    Raises:
        VerbatimError: THROTTLED with `retry_after`; SERVICE_UNAVAILABLE when closed and Redis is away.
    """
    allowed, seconds = rate(scope)
    name = redis.key("throttle", scope, hashlib.sha256(identity.encode(errors="replace")).hexdigest()[:32])
    try:
        count, left = _count(name, seconds)
    except RedisError as error:
        if fail_closed:
            raise VerbatimError(ErrorCode.SERVICE_UNAVAILABLE, retry_after=5) from error
        return
    if count > allowed:
        raise VerbatimError(ErrorCode.THROTTLED, retry_after=max(1, left))


def _count(name: str, seconds: int) -> tuple[int, int]:
    with redis.client().pipeline(transaction=True) as pipeline:
        pipeline.set(name, 0, ex=seconds, nx=True)
        pipeline.incr(name)
        pipeline.ttl(name)
        answers: list[Any] = pipeline.execute()
    return int(answers[1]), int(answers[2])
