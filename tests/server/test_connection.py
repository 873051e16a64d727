"""One connection: keep-alive, pipelines, limits in time, and a client that goes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import gevent
import pytest

from hyperstrate.server import connection as tested
from tests.server import application
from tests.server.application import StartResponse
from tests.server.raw import Client, Server, serving

GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b"


def test_answers_one_request_after_the_other_on_one_connection(server: Server) -> None:
    with Client(server.port) as client:
        first = client.send(POST % (3, b"one")).answer()
        second = client.send(POST % (3, b"two")).answer()

    assert [json.loads(answer.body)["body"] for answer in (first, second)] == ["one", "two"]


def test_answers_requests_sent_ahead_in_their_order(server: Server) -> None:
    ahead = b"".join(POST % (4, b"%04d" % number) for number in range(500))

    with Client(server.port) as client:
        sender = threading.Thread(target=client.send, args=(ahead,))
        sender.start()
        answers = [json.loads(client.answer().body)["body"] for _ in range(500)]
        sender.join()

    assert answers == [f"{number:04d}" for number in range(500)]


def test_reads_a_request_that_comes_byte_by_byte(server: Server) -> None:
    request = POST % (5, b"bytes")

    with Client(server.port) as client:
        answer = client.send(*[request[i : i + 1] for i in range(len(request))]).answer()

    assert json.loads(answer.body)["body"] == "bytes"


def test_what_follows_a_request_while_it_is_answered_is_not_lost() -> None:
    is_asked, may_answer = threading.Event(), gevent.event.Event()

    def slow(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            is_asked.set()
            may_answer.wait(10)
        return application.app(environ, start_response)

    with serving(slow) as server, Client(server.port) as client:
        client.send(GET % b"slow")
        assert is_asked.wait(10)
        for part in (POST[:20], (POST % (5, b"later"))[20:]):
            client.send(part)
            server.do(lambda: None)  # a turn of the loop, in which it hears of the bytes
        server.do(may_answer.set)
        answers = [client.answer(), client.answer()]

    assert json.loads(answers[0].body)["PATH_INFO"] == "/slow"
    assert json.loads(answers[1].body)["body"] == "later"


def test_says_continue_to_who_waits_for_it(server: Server) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"

    with Client(server.port) as client:
        client.send(head)
        interim = [client.line(), client.line()]
        answer = client.send(b"ok").answer()

    assert interim == [b"HTTP/1.1 100 Continue\r\n", b"\r\n"]
    assert json.loads(answer.body)["body"] == "ok"


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_body_over_the_limit_reaches_the_application_with_a_byte_too_many(
    server: Server, is_chunked: bool
) -> None:
    """The application refuses it in its own words; then the connection ends."""
    large = b"x" * 70_000
    request = POST % (len(large), large)
    if is_chunked:
        head = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        request = head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(large), large)

    with Client(server.port) as client:
        answer = client.send(request, GET % b"never").answer()
        is_closed = client.is_closed()

    assert len(json.loads(answer.body)["body"]) == 1001
    assert answer.headers["connection"] == "close"
    assert is_closed


@pytest.mark.parametrize(
    ("begin", "wait_s", "statuses"),
    [
        (b"", tested.HEAD_S, []),
        (b"GET / HTTP/1.1\r\nHo", tested.HEAD_S, [408]),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nx", tested.BODY_S, [408]),
    ],
)
def test_ends_a_connection_whose_request_does_not_come(
    server: Server, begin: bytes, wait_s: float, statuses: list[int]
) -> None:
    with Client(server.port) as client:
        client.send(begin)
        until(lambda: is_waiting(server, begun=bool(begin)))
        server.do(lambda: server.service.look_after(time.monotonic() + wait_s - 1))
        server.do(lambda: server.service.look_after(time.monotonic() + wait_s + 1))
        found = [client.answer().status for _ in statuses]
        is_closed = client.is_closed()

    assert found == statuses
    assert is_closed


def test_a_slow_head_does_not_get_more_time_with_each_byte(server: Server) -> None:
    with Client(server.port) as client:
        client.send(b"GET / HTTP/1.1\r\n")
        until(lambda: is_waiting(server, begun=True))
        deadline = only(server)._deadline
        client.send(b"Host: a\r\n")
        until(lambda: only(server)._parser._head_bytes > 16)

        assert only(server)._deadline == deadline


def test_keeps_an_idle_connection_for_a_while(server: Server) -> None:
    with Client(server.port) as client:
        client.send(GET % b"echo").answer()
        server.do(lambda: server.service.look_after(time.monotonic() + 74))
        answer = client.send(GET % b"echo").answer()
        server.do(lambda: server.service.look_after(time.monotonic() + 76))

        assert answer.status == 200
        assert client.is_closed()


def test_when_it_stops_idle_connections_end_and_answers_do_not() -> None:
    is_asked, may_answer = threading.Event(), gevent.event.Event()

    def slow(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            is_asked.set()
            may_answer.wait(10)
        return application.app(environ, start_response)

    with (
        serving(slow) as server,
        Client(server.port) as idle,
        Client(server.port) as busy,
    ):
        idle.send(GET % b"echo").answer()
        busy.send(GET % b"slow")
        assert is_asked.wait(10)
        server.service.is_stopping = True
        server.do(lambda: server.service.look_after(time.monotonic()))
        is_idle_closed = idle.is_closed()
        server.do(may_answer.set)
        answer = busy.answer()

        assert is_idle_closed
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert busy.is_closed()


def test_tells_at_once_that_the_client_hung_up() -> None:
    is_asked, is_gone = threading.Event(), threading.Event()

    def waiting(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        gone = gevent.event.Event()
        environ["hyperstrate.when_gone"](gone.set)
        is_asked.set()
        if gone.wait(10):
            is_gone.set()
        return application.app(environ, start_response)

    with serving(waiting) as server:
        with Client(server.port) as client:
            client.send(GET % b"echo")
            assert is_asked.wait(10)

        assert is_gone.wait(10)


def test_a_watch_that_was_taken_back_tells_nothing() -> None:
    told: list[str] = []
    is_answered = threading.Event()

    def watching(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        forget = environ["hyperstrate.when_gone"](lambda: told.append("gone"))
        forget()
        return application.app(environ, start_response)

    with serving(watching) as server:
        with Client(server.port) as client:
            client.send(GET % b"echo").answer()
            is_answered.set()
        until(lambda: not server.service.connections)

    assert told == []


def test_a_stream_is_closed_when_its_client_has_gone(server: Server) -> None:
    with Client(server.port) as client:
        client.send(GET % b"flooding")
        assert client.line() == b"HTTP/1.1 200 OK\r\n"

    until(lambda: application.closed == ["flood"])


def test_a_client_that_does_not_read_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tested, "SEND_S", 0.1)

    with Client(server.port) as client:
        client.send(GET % b"flooding")

        until(lambda: application.closed == ["flood"])


def test_a_fault_in_the_middle_of_a_stream_cuts_it(server: Server) -> None:
    with Client(server.port) as client:
        answer = client.send(GET % b"breaking").answer()

    assert answer.body == b"block 1\nblock 2\n"
    assert not answer.is_whole
    assert application.closed == ["break"]


def test_a_fault_of_the_application_is_reported_and_answered() -> None:
    reported: list[str] = []

    def report(request: str, error: Exception) -> None:
        reported.append(f"{request}: {error}")

    with serving(application.app, report=report) as server, Client(server.port) as client:
        answer = client.send(GET % b"failing").answer()

    assert (answer.status, json.loads(answer.body)) == (500, {"error": "internal server error"})
    assert reported == ["GET /failing: as it should"]


def only(server: Server) -> tested.Connection:
    """The connection that is open."""
    (found,) = server.service.connections
    return found


def is_waiting(server: Server, *, begun: bool) -> bool:
    """The only connection waits for a request, or for its rest."""
    found = list(server.service.connections)
    return bool(found) and found[0]._waiting is not None and found[0]._parser.is_begun is begun


def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in the server's thread."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
