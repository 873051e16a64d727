"""The worker under gunicorn: as correct as gunicorn's own, and ended with grace."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.server.raw import Answer, Client

ROOT = Path(__file__).resolve().parent.parent.parent
OURS, THEIRS = "hyperstrate.server.Worker", "gevent"


@dataclass
class Running:
    """gunicorn with one worker."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path


def start(worker: str, folder: Path, *options: str) -> Running:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / f"{worker}.log"
    command = [sys.executable, "-m", "gunicorn", "-c", os.devnull, "-k", worker]
    command += ["-b", f"127.0.0.1:{port}", "--keep-alive", "75", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "tests.server.application:app"], cwd=ROOT, stdout=output, stderr=output
        )
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return Running(process, port, log)
        threading.Event().wait(0.02)
    raise TimeoutError(log.read_text())


def stop(running: Running) -> None:
    running.process.send_signal(signal.SIGTERM)
    running.process.wait(20)


@pytest.fixture(scope="module", params=[OURS, THEIRS])
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    found = start(request.param, tmp_path_factory.mktemp("worker"))
    yield found
    stop(found)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    found = start(OURS, tmp_path_factory.mktemp("ours"))
    yield found
    stop(found)


def ask(port: int, raw: bytes, *, to_head: bool = False) -> Answer:
    with Client(port) as client:
        return client.send(raw).answer(to_head=to_head)


HOST = b"Host: a\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"

SEEN = {
    "a query": (
        b"GET /echo/x?a=b%20c&d HTTP/1.1\r\n" + HOST + b"\r\n",
        "QUERY_STRING",
        "a=b%20c&d",
    ),
    "an escaped path": (
        b"GET /echo/%C3%A9%2Fb HTTP/1.1\r\n" + HOST + b"\r\n",
        "PATH_INFO",
        "/echo/\xc3\xa9/b",
    ),
    "the target as it came": (
        b"GET /echo/%C3%A9 HTTP/1.1\r\n" + HOST + b"\r\n",
        "RAW_URI",
        "/echo/%C3%A9",
    ),
    "an absolute target": (
        b"GET http://a/echo/x?y HTTP/1.1\r\n" + HOST + b"\r\n",
        "PATH_INFO",
        "/echo/x",
    ),
    "a header": (b"GET /echo HTTP/1.1\r\n" + HOST + b"X-Word:  one \r\n\r\n", "HTTP_X_WORD", "one"),
    "a header twice": (
        b"GET /echo HTTP/1.1\r\n" + HOST + b"X-Word: one\r\nX-Word: two\r\n\r\n",
        "HTTP_X_WORD",
        "one,two",
    ),
    "a type": (
        b"GET /echo HTTP/1.1\r\n" + HOST + b"Content-Type: a/b\r\n\r\n",
        "CONTENT_TYPE",
        "a/b",
    ),
    "a body by length": (
        b"POST /echo HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc",
        "body",
        "abc",
    ),
    "a body in chunks": (
        b"POST /echo HTTP/1.1\r\n"
        + HOST
        + CHUNKED
        + b"\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: r\r\n\r\n",
        "body",
        "abc",
    ),
    "HTTP/1.0": (b"GET /echo HTTP/1.0\r\n\r\n", "SERVER_PROTOCOL", "HTTP/1.0"),
    "a method": (b"PATCH /echo HTTP/1.1\r\n" + HOST + b"\r\n", "REQUEST_METHOD", "PATCH"),
    "the scheme": (b"GET /echo HTTP/1.1\r\n" + HOST + b"\r\n", "wsgi.url_scheme", "http"),
    "the client": (b"GET /echo HTTP/1.1\r\n" + HOST + b"\r\n", "REMOTE_ADDR", "127.0.0.1"),
    "the server": (b"GET /echo HTTP/1.1\r\n" + HOST + b"\r\n", "SERVER_NAME", "127.0.0.1"),
}


@pytest.mark.parametrize("name", SEEN)
def test_the_application_sees(running: Running, name: str) -> None:
    raw, key, value = SEEN[name]

    answer = ask(running.port, raw)

    assert answer.status == 200
    assert json.loads(answer.body)[key] == value


def test_a_header_with_an_underscore_does_not_pass_for_another(running: Running) -> None:
    raw = b"GET /echo HTTP/1.1\r\n" + HOST + b"X_Forwarded_For: evil\r\n\r\n"

    assert "HTTP_X_FORWARDED_FOR" not in json.loads(ask(running.port, raw).body)


ANSWERED = {
    "empty": (204, {}, b""),
    "pieces": (200, {"transfer-encoding": "chunked"}, b"one two three"),
    "second_start": (503, {}, b"sorry"),
    "too_much": (200, {"content-length": "4"}, b"more"),
    "written": (200, {"transfer-encoding": "chunked"}, b"by write, by iterator"),
}


@pytest.mark.parametrize("path", ANSWERED)
def test_the_client_gets(running: Running, path: str) -> None:
    status, headers, body = ANSWERED[path]

    answer = ask(running.port, f"GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())

    assert (answer.status, answer.body) == (status, body)
    assert headers.items() <= answer.headers.items()
    assert "date" in answer.headers


@pytest.mark.parametrize("path", ["echo", "pieces", "too_much"])
def test_head_gets_the_head_alone(running: Running, path: str) -> None:
    raw = f"HEAD /{path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()

    with Client(running.port) as client:
        first = client.send(raw).answer(to_head=True)
        second = client.send(b"GET /too_much HTTP/1.1\r\nHost: a\r\n\r\n").answer()

    assert (first.status, second.body) == (200, b"more")


def test_a_length_that_is_not_reached_ends_the_connection(ours: Running) -> None:
    answer = ask(ours.port, b"GET /too_little HTTP/1.1\r\nHost: a\r\n\r\n")

    assert (answer.body, answer.is_whole) == (b"less than forty", False)


def test_the_application_can_end_the_connection(ours: Running) -> None:
    with Client(ours.port) as client:
        answer = client.send(b"GET /closing HTTP/1.1\r\nHost: a\r\n\r\n").answer()

        assert (answer.headers["connection"], answer.body) == ("close", b"bye")
        assert client.is_closed()


def test_http_1_0_gets_an_unsized_answer_up_to_the_end_of_the_connection(running: Running) -> None:
    answer = ask(running.port, b"GET /pieces HTTP/1.0\r\n\r\n")

    assert answer.body == b"one two three"
    assert "transfer-encoding" not in answer.headers


def test_http_1_0_may_keep_the_connection(ours: Running) -> None:
    raw = b"GET /too_much HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"

    with Client(ours.port) as client:
        answers = [client.send(raw).answer(), client.send(raw).answer()]

    assert [answer.headers["connection"] for answer in answers] == ["keep-alive", "keep-alive"]


@pytest.mark.parametrize("path", ["failing", "splitting"])
def test_a_fault_of_the_application_is_500(running: Running, path: str) -> None:
    answer = ask(running.port, f"GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())

    assert answer.status == 500


REFUSED = {
    "no HTTP": (b"hello\r\n\r\n", 400),
    "two lengths": (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400),
    "the same length twice": (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
        400,
    ),
    "a list of lengths": (b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n", 400),
    "a signed length": (b"POST / HTTP/1.1\r\nContent-Length: +1\r\n", 400),
    "length and chunks": (b"POST / HTTP/1.1\r\nContent-Length: 1\r\n" + CHUNKED, 400),
    "chunks and length": (b"POST / HTTP/1.1\r\n" + CHUNKED + b"Content-Length: 1\r\n", 400),
    "chunks twice": (b"POST / HTTP/1.1\r\n" + CHUNKED * 2, 400),
    "a list of chunks": (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n", 400),
    "a folded header": (b"GET / HTTP/1.1\r\nX: a\r\n b\r\n", 400),
    "a space before the colon": (b"GET / HTTP/1.1\r\nX : a\r\n", 400),
    "a NUL in a header": (b"GET / HTTP/1.1\r\nX: a\0b\r\n", 400),
    "a bare CR in a header": (b"GET / HTTP/1.1\r\nX: a\rb\r\n", 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_what_can_be_read_in_two_ways(running: Running, name: str) -> None:
    raw, status = REFUSED[name]

    answer = ask(running.port, raw + HOST + b"\r\n")

    assert answer.status == status


STRICTER = {
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\n" + HOST * 2 + b"\r\n", 400),
    "two authorizations": (
        b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
        400,
    ),
    "line feeds alone": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "chunks under HTTP/1.0": (b"POST / HTTP/1.0\r\n" + CHUNKED + b"\r\n0\r\n\r\n", 400),
    "a chunk with a wrong size": (
        b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n1\r\nab\r\n0\r\n\r\n",
        400,
    ),
    "a coding that is not chunked": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
    ),
    "a tunnel": (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "another version": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "another expectation": (b"GET / HTTP/1.1\r\n" + HOST + b"Expect: more\r\n\r\n", 417),
    "a long target": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "many headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 101 + b"\r\n", 431),
    "large headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 200_000 + b"\r\n\r\n", 431),
}


@pytest.mark.parametrize("name", STRICTER)
def test_ours_refuses(ours: Running, name: str) -> None:
    raw, status = STRICTER[name]

    with Client(ours.port) as client:
        answer = client.send(raw).answer()

    assert (answer.status, answer.headers["connection"]) == (status, "close")


@pytest.mark.parametrize("body", [b"", b"abc"])
def test_an_offered_upgrade_is_ignored(ours: Running, body: bytes) -> None:
    """As Java's client makes it; its body must not pass for the next request."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    raw = b"POST /echo HTTP/1.1\r\n" + HOST + offer + b"Content-Length: %d\r\n\r\n" % len(body)

    with Client(ours.port) as client:
        first = client.send(raw + body + b"GET /too_much HTTP/1.1\r\nHost: a\r\n\r\n").answer()
        second = client.answer()

    assert json.loads(first.body)["body"] == body.decode()
    assert second.body == b"more"


def test_a_block_with_its_head_is_one_segment(ours: Running) -> None:
    with Client(ours.port) as client:
        client.send(b"GET /unsized HTTP/1.1\r\nHost: a\r\n\r\n")

        received = client.socket.recv(65536)

    assert b"Content-Length: 5\r\n" in received
    assert received.endswith(b"\r\n\r\nshort")


def test_sigterm_lets_answers_finish(tmp_path: Path) -> None:
    running = start(OURS, tmp_path, "--graceful-timeout", "10")
    with Client(running.port) as client:
        client.send(b"GET /flooding HTTP/1.1\r\nHost: a\r\n\r\n").line()
        running.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + 10
        while _listens(running.port):
            assert time.monotonic() < until
            client.socket.recv(65536)
        received = sum(len(client.socket.recv(65536)) for _ in range(200))

    assert received > 200_000
    assert running.process.wait(10) == 0


def test_restarts_after_so_many_requests(tmp_path: Path) -> None:
    running = start(OURS, tmp_path, "--max-requests", "3")
    pids: set[int] = set()
    until = time.monotonic() + 15
    while len(pids) < 2 and time.monotonic() < until:
        try:
            ask(running.port, b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n")
        except (OSError, AssertionError):
            threading.Event().wait(0.05)
        pids |= _children(running.process.pid)
    stop(running)

    assert len(pids) == 2


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _children(pid: int) -> set[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in listed}
