"""Chunked bodies are the same bytes, however they are cut; what came together is one event."""

import h11
import pytest

from config.chunks import JoiningReader, join_chunks

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b"3\r\nabc\r\n1;x=y\r\nd\r\n2\r\nef\r\n"
END = b"0\r\nX-Checked: yes\r\n\r\n"


def heard(*reads: bytes) -> list:
    """The events of a response that comes in these reads; an error is the last."""
    join_chunks()
    connection = h11.Connection(our_role=h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    events = []
    try:
        for read in reads:
            connection.receive_data(read)
            while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                events.append(event)
                if isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                    break
    except h11.RemoteProtocolError as error:
        events.append(error)
    return events[1:]  # without the head


def data_of(events: list) -> list[bytes]:
    return [bytes(event.data) for event in events if isinstance(event, h11.Data)]


def test_what_came_together_is_one_event_and_the_end_follows():
    events = heard(HEAD + BODY + END)
    assert data_of(events) == [b"abcdef"]
    assert isinstance(events[-1], h11.EndOfMessage)
    assert list(events[-1].headers) == [(b"x-checked", b"yes")]


def test_what_comes_later_is_another():
    assert data_of(heard(HEAD + BODY, BODY, END)) == [b"abcdef", b"abcdef"]


@pytest.mark.parametrize("size", range(1, 9))
def test_it_may_be_cut_anywhere(size):
    whole = BODY * 3 + END
    events = heard(HEAD, *(whole[at : at + size] for at in range(0, len(whole), size)))
    assert b"".join(data_of(events)) == b"abcdef" * 3
    assert isinstance(events[-1], h11.EndOfMessage)


def test_data_before_a_fault_is_heard_before_it():
    events = heard(HEAD + BODY + b"zz\r\nno chunk\r\n")
    assert data_of(events) == [b"abcdef"]
    assert isinstance(events[-1], h11.RemoteProtocolError)


def test_a_body_that_breaks_off_is_no_whole_one():
    events = heard(HEAD + BODY, b"")
    assert data_of(events) == [b"abcdef"]
    assert isinstance(events[-1], h11.RemoteProtocolError)


def test_h11_takes_it():
    join_chunks()
    assert h11._readers.READERS[h11.SEND_BODY]["chunked"] is JoiningReader
