"""A small WSGI application that shows what the server gave it, and answers in many ways."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

StartResponse = Callable[..., Callable[[bytes], None]]
PLAIN = [("Content-Type", "text/plain")]
closed: list[str] = []


def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """``/name?...`` is answered by the function of that name."""
    name = environ["PATH_INFO"].strip("/").partition("/")[0]
    return ANSWERS.get(name, echo)(environ, start_response)


def echo(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """The request, as JSON."""
    seen = {key: value for key, value in environ.items() if isinstance(value, str)}
    seen["body"] = environ["wsgi.input"].read().decode("latin-1")
    body = json.dumps(seen).encode()
    start_response("200 OK", [*PLAIN, ("Content-Length", str(len(body)))])
    return [body]


def unsized(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", list(PLAIN))
    return [b"short"]


def pieces(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", list(PLAIN))
    return iter([b"one ", b"", b"two ", b"three"])


def written(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    write = start_response("200 OK", list(PLAIN))
    write(b"by write, ")
    return [b"by iterator"]


def empty(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("204 No Content", [])
    return []


def too_much(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "4")])
    return [b"more than four"]


def too_little(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "40")])
    return [b"less than forty"]


def closing(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "3"), ("Connection", "close")])
    return [b"bye"]


def failing(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    raise RuntimeError("as it should")


def second_start(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """PEP 3333: with exc_info an answer that has not begun is replaced."""
    start_response("200 OK", list(PLAIN))
    try:
        raise RuntimeError("changed its mind")
    except RuntimeError as error:
        start_response("503 Sorry", list(PLAIN), (type(error), error, error.__traceback__))
    return [b"sorry"]


def splitting(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("X-Evil", "a\r\nSet-Cookie: b")])
    return [b"never"]


class Stream:
    """Blocks without an end, one for each ``go``; says when it was closed."""

    def __init__(self, name: str, go: threading.Event | None = None) -> None:
        self._name = name
        self._go = go
        self._count = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._count += 1
        if self._name == "break" and self._count == 3:
            raise RuntimeError("in the middle")
        return b"x" * 65536 if self._name == "flood" else b"block %d\n" % self._count

    def close(self) -> None:
        closed.append(self._name)


def breaking(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", list(PLAIN))
    return Stream("break")


def flooding(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", list(PLAIN))
    return Stream("flood")


ANSWERS: dict[str, Callable[[dict[str, Any], StartResponse], Iterable[bytes]]] = {
    "unsized": unsized,
    "pieces": pieces,
    "written": written,
    "empty": empty,
    "too_much": too_much,
    "too_little": too_little,
    "closing": closing,
    "failing": failing,
    "second_start": second_start,
    "splitting": splitting,
    "breaking": breaking,
    "flooding": flooding,
}
