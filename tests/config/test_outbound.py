"""The outbound guard: which addresses are called, in every spelling, and that no name changes in between."""

import ipaddress
import re
import socket
from pathlib import Path

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured

from config import outbound
from config.errors import ErrorCode, VerbatimError

METADATA = [
    "http://169.254.169.254/",
    "http://169.254.169.254./",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0xA9.0xFE.0xA9.0xFE/",
    "http://0251.0376.0251.0376/",
    "http://0251.254.0xa9.254/",
    "http://169.254.43518/",
    "http://169.16689662/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
    "http://[::ffff:0:a9fe:a9fe]/",
    "http://[::a9fe:a9fe]/",
    "http://[::169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[64:ff9b:1::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[2002:a9fe:a9fe::1]:80/",
    "http://[2001:0:a9fe:a9fe::1]/",
    "http://[fe80::1]/",
    "http://[fe80::a9fe:a9fe]/",
    "http://[fd00:ec2::254]/",
    "http://[fd20:ce::254]/",
    "http://169.254.0.1/",
    "http://169.254.170.2/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://①⑥⑨.②⑤④.①⑥⑨.②⑤④/",
    "http://169。254。169。254/",
]
NOT_HOSTS = [
    "http://0.0.0.0/",
    "http://0/",
    "http://00000/",
    "http://0x0/",
    "http://0.1.2.3/",
    "http://[::]/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://255.255.255.255/",
    "http://240.0.0.1/",
    "http://[ff02::1]/",
    "http://[fec0::1]/",
    "http://192.88.99.1/",
]
PRIVATE = [
    "http://10.0.0.5/",
    "http://167772165/",
    "http://0x0a000005/",
    "http://012.0.0.5/",
    "http://10.5/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://192.168.257/",
    "http://0300.0250.1.1/",
    "http://100.64.0.1/",
    "http://198.18.0.1/",
    "http://[::ffff:10.0.0.5]/",
    "http://[::ffff:0a00:5]/",
    "http://[64:ff9b::10.0.0.5]/",
    "http://[2002:a00:5::]/",
    "http://[fc00::1]/",
    "http://[fd12:3456::1]/",
    "http://[2001:db8::1]/",
    "http://[::10.0.0.5]/",
    "http://[2620:0:2d0:200:0:5efe:10.0.0.5]/",
]
LOOPBACK = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.1/",
    "http://017700000001/",
    "http://127.255.255.254/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://localhost/",
    "http://LOCALHOST/",
]
HIDDEN_LOOPBACK = ["http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[::7f00:1]/"]
FORMS = [
    "file:///etc/passwd",
    "ftp://example.com/",
    "gopher://example.com/",
    "unix:///run/redis.sock",
    "http+unix://%2Frun%2Fredis.sock/",
    "dict://example.com/",
    "javascript:alert(1)",
    "//example.com/",
    "example.com",
    "http://",
    "http:///path",
    "http://user@example.com/",
    "http://user:secret@example.com/",
    "http://example.com@169.254.169.254/",
    "http://169.254.169.254#@example.com/",
    "http://example.com\\@169.254.169.254/",
    "http://example.com/?a=b",
    "http://example.com/#f",
    "http://exa mple.com/",
    "http://example.com/\r\nHost: evil",
    "http://example.com/\x00",
    "http://example.com:99999/",
    "http://[::1/",
    "http://" + "a" * 600 + ".com/",
]


@pytest.fixture
def nothing_private(settings):
    settings.OUTBOUND_ALLOW_PRIVATE = []


@pytest.fixture
def connections(monkeypatch) -> list[str]:
    """Addresses to which a connection was tried; every one fails."""
    tried: list[str] = []

    async def connect_tcp(self, host, *args, **kwargs):
        import httpcore

        tried.append(host)
        raise httpcore.ConnectError("no network in tests")

    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", connect_tcp)
    return tried


@pytest.fixture
def names(monkeypatch) -> dict[str, list[list[str]]]:
    """A resolver: name -> one list of addresses per lookup, the last one repeated."""
    known: dict[str, list[list[str]]] = {}

    async def resolve(host: str, port: int):
        answers = known[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ipaddress.ip_address(one) for one in found]

    monkeypatch.setattr(outbound, "resolve", resolve)
    return known


async def refusal_of(url: str) -> VerbatimError | None:
    """The guard's refusal when this is really called, or None when it let the connection be tried."""
    try:
        await outbound.client().get(url)
    except VerbatimError as error:
        return error
    except (httpx.ConnectError, httpx.InvalidURL):
        pass  # a name that is none, or a connection that the fixture refused
    finally:
        await outbound.close()
    return None


@pytest.mark.parametrize("url", METADATA + NOT_HOSTS)
async def test_metadata_and_unhostly_addresses_are_refused_even_if_everything_is_allowed(
    settings, connections, url
):
    settings.OUTBOUND_ALLOW_PRIVATE = ["0.0.0.0/0", "::/0"]
    await refusal_of(url)
    assert connections == []
    with pytest.raises(VerbatimError) as caught:
        outbound.check_url(url)
    assert caught.value.code == ErrorCode.ADDRESS_REFUSED


@pytest.mark.parametrize("url", PRIVATE + LOOPBACK + HIDDEN_LOOPBACK)
async def test_private_addresses_are_refused_unless_allowed(nothing_private, connections, url):
    refusal = await refusal_of(url)
    assert connections == []
    assert refusal is None or refusal.code == ErrorCode.ADDRESS_REFUSED


@pytest.mark.parametrize("url", LOOPBACK)
async def test_loopback_is_allowed_by_default_in_every_spelling(connections, url):
    assert outbound.check_url(url)
    assert await refusal_of(url) is None
    assert connections
    for one in map(ipaddress.ip_address, connections):
        assert (getattr(one, "ipv4_mapped", None) or one).is_loopback


@pytest.mark.parametrize("url", HIDDEN_LOOPBACK + PRIVATE)
async def test_the_default_allows_nothing_but_plain_loopback(connections, url):
    await refusal_of(url)
    assert connections == []


async def test_private_networks_are_called_where_the_operator_allows_them(settings, connections):
    settings.OUTBOUND_ALLOW_PRIVATE = ["10.0.0.0/8"]
    assert await refusal_of("http://10.0.0.5:11434/") is None
    assert connections == ["10.0.0.5"]
    assert (await refusal_of("http://192.168.1.1/")) is not None
    assert (await refusal_of("http://127.0.0.1/")) is not None


@pytest.mark.parametrize("url", FORMS)
def test_odd_forms_are_refused_without_any_lookup(url, names):
    with pytest.raises(VerbatimError) as caught:
        outbound.check_url(url)
    assert caught.value.code == ErrorCode.ADDRESS_REFUSED
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("url", ["ftp://example.com/", "http://user:pw@example.com/"])
async def test_the_client_itself_refuses_odd_forms(url, connections):
    with pytest.raises((VerbatimError, httpx.UnsupportedProtocol)):
        await outbound.client().get(url)
    assert connections == []


@pytest.mark.parametrize(
    "url", ["https://api.openai.com/v1", "http://8.8.8.8/", "http://[2606:4700::1111]:8080/x"]
)
def test_public_addresses_pass(url):
    assert str(outbound.check_url(url)) == url


async def test_a_name_is_refused_when_any_of_its_addresses_is(names, connections):
    names["mixed.example"] = [["93.184.216.34", "169.254.169.254"]]
    names["private.example"] = [["93.184.216.34", "10.0.0.1"]]
    names["six.example"] = [["::ffff:a9fe:a9fe"]]
    for name in list(names):
        assert await refusal_of(f"http://{name}/") is not None
    assert connections == []


async def test_a_name_is_resolved_once_and_the_judged_address_is_called(names, connections):
    names["rebind.example"] = [["93.184.216.34"], ["169.254.169.254"]]
    assert await refusal_of("http://rebind.example/") is None
    assert connections == ["93.184.216.34"]
    assert await refusal_of("http://rebind.example/") is not None
    assert connections == ["93.184.216.34"]


async def test_the_next_address_is_tried_when_one_is_dead(names, connections):
    names["two.example"] = [["93.184.216.34", "2606:4700::1111"]]
    assert await refusal_of("http://two.example/") is None
    assert connections == ["93.184.216.34", "2606:4700::1111"]


async def test_a_name_is_really_resolved():
    assert ipaddress.ip_address("127.0.0.1") in await outbound.resolve("localhost", 80)
    with pytest.raises(OSError):
        await outbound.resolve("nobody.invalid", 80)


async def test_redirects_are_not_followed(llm_server):
    response = await outbound.client().post(
        f"{llm_server.url}/v1/chat/completions", json={"model": "redirect"}
    )
    assert response.status_code == 307
    assert len(llm_server.records) == 1


async def test_the_environments_proxies_are_ignored(llm_server, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await outbound.client().get(f"{llm_server.url}/v1/models")).status_code == 200


async def test_the_host_header_keeps_the_name(names, llm_server):
    names["llm.example"] = [["127.0.0.1"]]
    port = httpx.URL(llm_server.url).port
    assert (await outbound.client().get(f"http://llm.example:{port}/v1/models")).status_code == 200
    assert llm_server.records[-1].headers["host"] == f"llm.example:{port}"


async def test_a_body_is_read_up_to_the_limit_only(llm_server):
    client = outbound.client()
    request = client.build_request("POST", f"{llm_server.url}/v1/chat/completions", json={"model": "huge"})
    response = await client.send(request, stream=True)
    body = await outbound.read_limited(response, 100_000)
    await response.aclose()
    assert len(body) == 100_000


async def test_connections_are_kept_and_shared_within_a_loop(llm_server):
    assert outbound.client() is outbound.client()
    ports = set()
    for _ in range(3):
        response = await outbound.client().get(f"{llm_server.url}/v1/models")
        ports.add(response.extensions["network_stream"].get_extra_info("client_addr"))
    assert len(ports) == 1


def test_run_sync_leaves_no_client_behind(llm_server):
    async def work() -> int:
        return (await outbound.client().get(f"{llm_server.url}/v1/models")).status_code

    before = len(outbound._clients)
    assert outbound.run_sync(work()) == 200
    assert len(outbound._clients) <= before


def test_unix_sockets_are_refused():
    async def work() -> None:
        await outbound.GuardedBackend().connect_unix_socket("/run/redis.sock")

    with pytest.raises(VerbatimError):
        outbound.run_sync(work())


def test_a_wrong_network_in_the_settings_is_named(settings):
    settings.OUTBOUND_ALLOW_PRIVATE = ["10.0.0.1/8"]
    with pytest.raises(ImproperlyConfigured, match="OUTBOUND_ALLOW_PRIVATE"):
        outbound.check_settings()


def test_the_resolvers_spellings_are_those_of_the_check():
    """What the C library takes for an address, `check_url` must take for the same one."""
    for url in METADATA + PRIVATE + LOOPBACK:
        try:
            host = httpx.URL(url).host
        except httpx.InvalidURL:
            continue
        literal = outbound._literal(host.rstrip("."))
        try:
            found = socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM)[0][4][0]
        except (OSError, UnicodeError):
            continue
        if host.lower().rstrip(".") != "localhost":
            assert literal == ipaddress.ip_address(found), url


def test_nothing_else_of_the_product_makes_http_requests():
    """Type names aside, the guard is the only door; quickstart asks its own web server whether it is up."""
    allowed = {
        "config/outbound.py",
        "config/management/commands/quickstart.py",
        "chat/llm/calls.py",  # through outbound.client()
        "chat/llm/errors.py",  # names httpx's exceptions
    }
    root = Path(outbound.__file__).resolve().parent.parent
    modules = r"httpx|httpcore|requests|aiohttp|urllib3|urllib\.request|http\.client"
    wanted = re.compile(rf"^\s*(?:import|from)\s+(?:{modules})\b", re.M)
    found = {
        str(path.relative_to(root))
        for app in ("config", "accounts", "collections_app", "documents", "chat")
        for path in (root / app).rglob("*.py")
        if wanted.search(path.read_text(encoding="utf-8"))
    }
    assert found <= allowed
    assert "httpx.AsyncClient" not in (root / "chat/llm/calls.py").read_text(encoding="utf-8")
