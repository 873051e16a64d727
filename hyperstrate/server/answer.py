"""Writes one answer of a WSGI application: framing, and as few sends as there are blocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from types import TracebackType
from typing import TypeAlias

from hyperstrate.server.request import Request

ExcInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
)
Headers: TypeAlias = list[tuple[str, str]]
_OURS = frozenset({"connection", "date", "keep-alive", "transfer-encoding"})


class Answer:
    """The answer to ``request``. ``keeps_alive``: the connection can be used again after it."""

    __slots__ = (
        "_headers",
        "_is_chunked",
        "_is_silent",
        "_left",
        "_request",
        "_send",
        "_status",
        "has_begun",
        "keeps_alive",
    )

    def __init__(self, request: Request, send: Callable[[bytes], None]) -> None:
        self.keeps_alive = request.keeps_alive
        self.has_begun = False
        self._request = request
        self._send = send
        self._status = ""
        self._headers: Headers = []
        self._is_silent = False
        self._is_chunked = False
        self._left: int | None = None

    def start(
        self, status: str, headers: Headers, exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """WSGI's start_response."""
        if exc_info:
            if self.has_begun and exc_info[1] is not None:
                raise exc_info[1].with_traceback(exc_info[2])
        elif self._status:
            raise AssertionError("start_response() was called a second time")
        self._status, self._headers = status, headers
        return self.write

    def send_all(self, blocks: Iterable[bytes]) -> None:
        """Send every block as it comes, then the end."""
        is_whole = isinstance(blocks, list) and len(blocks) < 2
        for block in blocks:
            if block:
                self._write(block, is_whole=is_whole)
        self.finish()

    def write(self, block: bytes) -> None:
        """WSGI's write()."""
        if block:
            self._write(block)

    def _write(self, block: bytes, *, is_whole: bool = False) -> None:
        head = b"" if self.has_begun else self._begin(len(block) if is_whole else None)
        if self._left is not None:
            block = block[: self._left]
            self._left -= len(block)
        if self._is_silent:
            block = b""
        elif self._is_chunked and block:
            block = b"%x\r\n%b\r\n" % (len(block), block)
        if data := head + block:
            self._send(data)

    def finish(self) -> None:
        """The application has no more to say."""
        end = b"" if self.has_begun else self._begin(0)
        if self._is_chunked and not self._is_silent:
            end += b"0\r\n\r\n"
        if end:
            self._send(end)
        if self._left and not self._is_silent:  # less than was announced: the client must see it
            self.keeps_alive = False

    def _begin(self, length: int | None) -> bytes:
        """The head. ``length`` is that of the body, where it is known without being announced."""
        if not self._status:
            raise AssertionError("the application did not call start_response()")
        code = self._status[:3]
        is_bare = code in ("204", "304") or code.startswith("1")
        self._is_silent = is_bare or self._request.environ["REQUEST_METHOD"] == "HEAD"
        lines = [f"HTTP/1.1 {self._status}\r\n", _date_line()]
        self._add_headers(lines)
        if self._left is None and not is_bare and (line := self._frame(length)):
            lines.append(line)
        if not self.keeps_alive:
            lines.append("Connection: close\r\n")
        elif not self._request.is_http11:
            lines.append("Connection: keep-alive\r\n")
        head = _encoded(lines)
        self.has_begun = True
        return head

    def _add_headers(self, lines: list[str]) -> None:
        """The application's, but for those of the connection, which are ours."""
        for name, value in self._headers:
            lower = name.lower()
            if lower == "content-length":
                self._left = int(value)
            elif lower in _OURS:
                self.keeps_alive &= value.lower() != "close"
                continue
            lines.append(f"{name}: {value}\r\n")

    def _frame(self, length: int | None) -> str:
        """How the client sees the end of a body whose length the application did not say."""
        if length is not None:
            return "" if self._is_silent else f"Content-Length: {length}\r\n"
        if self._request.is_http11:
            self._is_chunked = True
            return "Transfer-Encoding: chunked\r\n"
        self.keeps_alive = False
        return ""


def _encoded(lines: list[str]) -> bytes:
    """Raises ValueError for a header that would begin another one."""
    head = "".join(lines)
    breaks = len(lines)
    if head.count("\r") != breaks or head.count("\n") != breaks or "\0" in head:
        raise ValueError("a header has a line break in it")
    return (head + "\r\n").encode("latin-1")


_date = (0, "")


def _date_line() -> str:
    """The Date header, made once a second."""
    global _date
    second = int(time.time())
    if second != _date[0]:
        _date = (second, f"Date: {formatdate(second, usegmt=True)}\r\n")
    return _date[1]
