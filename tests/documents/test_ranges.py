"""GET .../file in parts, as viewers ask for it."""

import pytest

from documents.api.ranges import NotSatisfiable, asked_range

CONTENT = b"".join(b"%08d\n" % n for n in range(100_000))  # 900 kB: several blocks

pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous")


@pytest.fixture
def path(upload) -> str:
    return f"/api/documents/{upload(CONTENT, 'numbers.txt').pk}/file"


@pytest.fixture
def client(client_for, member):
    return client_for(member)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=5-9", (5, 9)),
        ("bytes=5-", (5, 99)),
        ("bytes=-10", (90, 99)),
        ("bytes=-500", (0, 99)),
        ("bytes=90-500", (90, 99)),
        ("", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=9-5", None),
        ("bytes=0-1,5-6", None),
        ("lines=1-2", None),
        ("bytes=a-b", None),
    ],
)
def test_one_range_of_bytes_is_understood_and_the_rest_means_the_whole(header, expected):
    assert asked_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=" + "9" * 40 + "-"])
def test_a_range_behind_the_end_is_not_satisfiable(header):
    with pytest.raises(NotSatisfiable):
        asked_range(header, 100)


@pytest.mark.parametrize(("first", "last"), [(0, 0), (10, 400_000), (262_144, 524_287), (899_999, 899_999)])
def test_a_part_is_206_and_exactly_those_bytes(client, path, first, last):
    answer = client.get(path, headers={"Range": f"bytes={first}-{last}"})
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert b"".join(answer) == CONTENT[first : last + 1]
    assert int(answer["Content-Length"]) == last + 1 - first


def test_the_whole_says_that_parts_may_be_asked_for(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer["Accept-Ranges"]) == (200, "bytes")
    assert b"".join(answer) == CONTENT
    assert client.get(path, headers={"Range": "bytes=0-1,4-5"}).status_code == 200


def test_a_part_of_another_version_is_the_whole(client, path):
    tag = client.get(path)["ETag"]
    wanted = {"Range": "bytes=0-9"}
    assert client.get(path, headers=wanted | {"If-Range": tag}).status_code == 206
    assert client.get(path, headers=wanted | {"If-Range": '"older"'}).status_code == 200
    assert client.get(path, headers=wanted | {"If-Range": "Wed, 25 Nov 2026 00:00:00 GMT"}).status_code == 200


def test_behind_the_end_is_416_with_the_size(client, path):
    answer = client.get(path, headers={"Range": "bytes=900000-"})
    assert (answer.status_code, answer["Content-Range"]) == (416, "bytes */900000")


def test_a_stranger_gets_no_part(client_for, stranger, path):
    answer = client_for(stranger).get(path, headers={"Range": "bytes=0-9"})
    assert answer.status_code == 404
