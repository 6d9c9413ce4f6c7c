"""The one outbound HTTP client, and the guard that decides which addresses it may connect to.

The name is resolved once, every address that it has is judged after unmapping, and the connection goes to an
address that was judged: a name that changes its address in between (DNS rebinding) gains nothing. TLS still
checks the name. Nothing follows redirects, and the proxies of the environment are ignored.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Coroutine, Iterable
from functools import lru_cache
from typing import Any, TypeVar

import httpcore
import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from config.chunks import join_chunks
from config.errors import ErrorCode, PermanentError

T = TypeVar("T")
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

SCHEMES = ("http", "https")
MAX_URL_CHARS = 500
HOST_NAME = re.compile(rb"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?", re.IGNORECASE)  # IDNA-encoded
MAX_CONNECTIONS = 1000  # streams last long: a small pool would make people wait for one another
KEPT_ALIVE = 50
KEPT_ALIVE_SECONDS = 30.0
DEFAULT_READ_TIMEOUT = 30.0

# Refused whatever the operator allows: link-local and the clouds' metadata services, "this host", multicast,
# reserved, and the obsolete transition ranges that hide another address.
NEVER: tuple[IPNetwork, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure
        "192.0.0.0/24",  # Oracle Cloud's 192.0.0.192 among them
        "192.88.99.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
        "fd00:ec2::/32",  # AWS
        "fd20:ce::/32",  # Google Cloud
        "fd00:c1::/32",  # Oracle Cloud
        "64:ff9b:1::/48",
        "2001::/32",  # Teredo
    )
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE = ipaddress.IPv6Network("::/96")
TRANSLATED = ipaddress.IPv6Network("::ffff:0:0:0/96")
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
ISATAP = (0x00005EFE, 0x02005EFE)
LOOPBACK_V6 = ipaddress.IPv6Address("::1")


def check_url(url: str) -> httpx.URL:
    """The parsed address of a server, if its form is one that we call.

    A check of form, without DNS: the address behind a name is judged when connecting.

    Args:
        url: an http or https address without credentials, query and fragment.

    Raises:
        PermanentError: ADDRESS_REFUSED, with the reason in words.
    """
    if len(url) > MAX_URL_CHARS or any(char in url for char in "\\\r\n\t ") or not url.isprintable():
        raise _refused("The address is too long or holds characters that no address has.")
    try:
        parsed = httpx.URL(url)
        literal = _literal(parsed.host.rstrip("."))
    except (httpx.InvalidURL, ValueError):
        raise _refused("The address cannot be read.") from None
    if parsed.scheme not in SCHEMES:
        raise _refused("The address must begin with http:// or https://.")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise _refused("The address's port is not one.")
    if not parsed.host or parsed.userinfo or (literal is None and not HOST_NAME.fullmatch(parsed.raw_host)):
        raise _refused("The address must name a host and hold no user name or password.")
    if parsed.query or parsed.fragment:
        raise _refused("The address must not hold a query or a fragment.")
    if literal is not None:
        check_address(literal)
    return parsed


def check_address(address: IPAddress) -> None:
    """Let an address pass if it may be connected to.

    Raises:
        PermanentError: ADDRESS_REFUSED. The address itself is not in the message.
    """
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    hidden = _embedded(address)
    if any(_in(one, NEVER) for one in (address, *hidden)):
        raise _refused("That address is never called: it is link-local, a metadata service or not a host.")
    if not all(_is_public(one) for one in hidden):
        raise _refused("That address hides a private one.")
    if hidden or _is_public(address) or _in(address, _allowed_private()):
        return
    raise _refused("That address is private, and this server was not told that it may call it.")


def check_settings() -> None:
    """Read OUTBOUND_ALLOW_PRIVATE.

    Raises:
        ImproperlyConfigured: an entry is not a network like 10.0.0.0/8.
    """
    _allowed_private()


def client() -> httpx.AsyncClient:
    """The client of the running event loop: shared, keep-alive, guarded. Do not close it."""
    loop = asyncio.get_running_loop()
    for old in [old for old in _clients if old.is_closed()]:
        del _clients[old]
    if loop not in _clients:
        _clients[loop] = _make_client()
    return _clients[loop]


async def close() -> None:
    """Close the running loop's client, if there is one."""
    made = _clients.pop(asyncio.get_running_loop(), None)
    if made is not None:
        await made.aclose()


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run outbound work from synchronous code, on a loop of its own that leaves no connection behind."""

    async def main() -> T:
        try:
            return await work
        finally:
            await close()

    return asyncio.run(main())


async def read_limited(response: httpx.Response, limit: int) -> bytes:
    """The body of a streamed response, at most `limit` bytes of it (the rest is not read)."""
    body = bytearray()
    async for block in response.aiter_bytes():
        body += block
        if len(body) >= limit:
            break
    return bytes(body[:limit])


async def resolve(host: str, port: int) -> list[IPAddress]:
    """Every address of a host name, in the resolver's order, each once.

    Raises:
        OSError: the name is not known.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0])) for entry in found))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves once, judges every address, connects to a judged one."""

    def __init__(self) -> None:
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        deadline = time.monotonic() + (timeout or DEFAULT_READ_TIMEOUT)
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                addresses = await resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("resolving the name took too long") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name is not known") from error
        for address in addresses:
            check_address(address)
        failure: Exception = httpcore.ConnectError("the name has no address")
        for tried, address in enumerate(addresses, 1):
            left = max(0.05, deadline - time.monotonic())
            share = left if tried == len(addresses) else left / 2  # one dead address must not use up all
            try:
                return await self._network.connect_tcp(
                    str(address), port, share, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.AsyncNetworkStream:
        raise _refused("Unix sockets are not called.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport on top of `GuardedBackend`."""

    def __init__(self) -> None:
        context = _tls()
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=KEPT_ALIVE,
            keepalive_expiry=KEPT_ALIVE_SECONDS,
            http1=True,
            http2=False,
            network_backend=GuardedBackend(),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.scheme not in SCHEMES or request.url.userinfo:
            raise _refused("The address must begin with http:// or https://, without credentials.")
        return await super().handle_async_request(request)


_clients: dict[asyncio.AbstractEventLoop, httpx.AsyncClient] = {}


def _make_client() -> httpx.AsyncClient:
    join_chunks()
    return httpx.AsyncClient(
        transport=GuardedTransport(),
        follow_redirects=False,
        trust_env=False,
        timeout=httpx.Timeout(DEFAULT_READ_TIMEOUT, connect=settings.LLM_CONNECT_TIMEOUT),
        headers={"User-Agent": f"Verbatim/{settings.VERSION}", "Accept-Encoding": "identity"},
    )


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()  # certifi's roots, or the operator's SSL_CERT_FILE


def _allowed_private() -> tuple[IPNetwork, ...]:
    return _networks(tuple(settings.OUTBOUND_ALLOW_PRIVATE))


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[IPNetwork, ...]:
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"OUTBOUND_ALLOW_PRIVATE: {error}; write networks like 10.0.0.0/8."
        ) from None


def _literal(host: str) -> IPAddress | None:
    """The address that a host spells, in any spelling that the resolver understands, or None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))  # decimal, octal, hex, 127.1
    except (OSError, UnicodeError):
        return None


def _embedded(address: IPAddress) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses that a transitional IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    low = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    is_isatap = (int(address) >> 32) & 0xFFFFFFFF in ISATAP
    in_prefix = (
        address in NAT64 or address in TRANSLATED or (address in COMPATIBLE and address != LOOPBACK_V6)
    )
    return (low,) if in_prefix or is_isatap else ()


def _is_public(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        return address in GLOBAL_UNICAST and address.is_global
    return address.is_global and not address.is_multicast


def _in(address: IPAddress, networks: Iterable[IPNetwork]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _refused(message: str) -> PermanentError:
    return PermanentError(ErrorCode.ADDRESS_REFUSED, message)
