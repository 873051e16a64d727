"""Reads HTTP/1.1 requests, within limits, and only those that can mean one thing (RFC 9112)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 100
MAX_TARGET_BYTES = 8 * 1024
Environ: TypeAlias = dict[str, Any]


class Refused(Exception):
    """What came is no request that we take; ``status`` is the answer before the end."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class Request:
    """A request that is here as a whole. ``is_cut``: its body is larger than may be, and was
    left where that showed; nothing can follow it."""

    environ: Environ
    is_http11: bool
    keeps_alive: bool
    is_cut: bool = False


class RequestParser:
    """Parses what comes over one connection; ``ready`` are the requests that nobody has taken.

    ``wants_continue``: a client waits for ``100 Continue`` before it sends its body.
    """

    def __init__(self, environ: Mapping[str, Any], max_body_bytes: int) -> None:
        self.ready: deque[Request] = deque()
        self.is_begun = False
        self.has_head = False
        self.wants_continue = False
        self._base = environ
        self._max_body_bytes = max_body_bytes
        self._parser = HttpRequestParser(self)
        self._is_told_again = False
        self._head_bytes = 0
        self._begin()

    def _begin(self) -> None:
        self.has_head = False
        self._head_bytes = 0
        self._header_count = 0
        self._target = b""
        self._environ: Environ = dict(self._base)
        self._blocks: list[bytes] = []
        self._size = 0
        self._is_http11 = True

    def feed(self, data: bytes) -> None:
        """Raises Refused; requests that came before the fault are ready nevertheless."""
        if not self.has_head:
            self._head_bytes += len(data)
        while data:
            try:
                self._parser.feed_data(data)
            except HttpParserUpgrade as offer:
                data = self._stay_with_http11(data[offer.args[0] :])
                continue
            except HttpParserError as error:
                self._refuse(error)
            break
        if not self.has_head and self._head_bytes > MAX_HEAD_BYTES:
            raise Refused(431, "the headers are too large")

    def _refuse(self, error: HttpParserError) -> None:
        if self.ready and not self.ready[-1].keeps_alive:  # more after the last: nobody reads it
            return
        if isinstance(error.__context__, Refused):
            raise error.__context__ from None
        raise Refused(400, "this is not a valid HTTP/1.1 request") from None

    def _stay_with_http11(self, rest: bytes) -> bytes:
        """An upgrade was offered, and llhttp left the body unread: give it the framing again.

        A server may ignore the offer (RFC 9110, 7.8).
        """
        self._is_told_again = True
        self._parser = HttpRequestParser(self)
        length = self._environ.get("CONTENT_LENGTH", "0")
        framing = f"content-length: {length}"
        if "HTTP_TRANSFER_ENCODING" in self._environ:
            framing = "transfer-encoding: chunked"
        return f"POST / HTTP/1.1\r\n{framing}\r\n\r\n".encode("latin-1") + rest

    def on_message_begin(self) -> None:
        self.is_begun = True

    def on_url(self, piece: bytes) -> None:
        if self._is_told_again:
            return
        self._target += piece
        if len(self._target) > MAX_TARGET_BYTES:
            raise Refused(414, "the address is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_told_again or self.has_head:  # trailers are left out (RFC 9110, 6.5.1)
            return
        self._header_count += 1
        if self._header_count > MAX_HEADERS:
            raise Refused(431, "there are too many headers")
        key = _key(name)
        text = value.strip().decode("latin-1")
        if key in self._environ:
            text = _joined(key, self._environ[key], text)
        if key:
            self._environ[key] = text

    def on_headers_complete(self) -> None:
        self.has_head = True
        if self._is_told_again:
            return
        environ = self._environ
        version = self._parser.get_http_version()
        self._is_http11 = version == "1.1"
        environ["REQUEST_METHOD"] = self._parser.get_method().decode("ascii")
        environ["SERVER_PROTOCOL"] = f"HTTP/{version}"
        self._check(version)
        self._read_target()
        if self._is_http11 and "HTTP_EXPECT" in environ:
            if environ["HTTP_EXPECT"].lower() != "100-continue":
                raise Refused(417, "only 100-continue can be expected")
            self.wants_continue = True

    def _read_target(self) -> None:
        target = self._target
        if not target.startswith(b"/") and target != b"*":
            parts = parse_url(target)
            target = (parts.path or b"/") + (b"?" + parts.query if parts.query else b"")
        path, _, query = target.partition(b"?")
        if b"%" in path:
            path = unquote_to_bytes(path)
        self._environ["PATH_INFO"] = path.decode("latin-1")
        self._environ["QUERY_STRING"] = query.decode("latin-1")
        self._environ["RAW_URI"] = self._target.decode("latin-1")

    def _check(self, version: str) -> None:
        """What llhttp lets pass, though it can be read in two ways or not at all."""
        environ = self._environ
        if version not in ("1.1", "1.0"):
            raise Refused(505, "this server speaks HTTP/1.1")
        if environ["REQUEST_METHOD"] == "CONNECT":
            raise Refused(501, "this is no forward proxy")
        if self._is_http11 and "HTTP_HOST" not in environ:
            raise Refused(400, "the Host header is missing")
        coding = environ.get("HTTP_TRANSFER_ENCODING")
        if coding is not None and not self._is_http11:
            raise Refused(400, "HTTP/1.0 has no transfer codings")
        if coding is not None and coding.lower() != "chunked":
            raise Refused(501, "chunked is the only transfer coding here")

    def on_body(self, block: bytes) -> None:
        self._size += len(block)
        self._blocks.append(block)
        if self._size > self._max_body_bytes:
            self._complete(is_cut=True)
            raise Refused(413, "the body is too large")  # ends the parsing; the request is ready

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade() and not self._is_told_again:
            return
        self._complete()
        self._begin()

    def _complete(self, *, is_cut: bool = False) -> None:
        environ, body = self._environ, b"".join(self._blocks)
        if is_cut:
            body = body[: self._max_body_bytes + 1]
        if environ.pop("HTTP_TRANSFER_ENCODING", None):
            environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = BytesIO(body)
        keeps_alive = self._parser.should_keep_alive() and not is_cut
        if self._is_told_again:
            keeps_alive = "close" not in environ.get("HTTP_CONNECTION", "").lower()
        self._is_told_again = False
        self.is_begun = self.wants_continue = False
        self.ready.append(Request(environ, self._is_http11, keeps_alive, is_cut))


@lru_cache(maxsize=1024)
def _key(name: bytes) -> str:
    """The name in WSGI; none for one with an underscore, which would pass for one with a dash."""
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _joined(key: str, first: str, second: str) -> str:
    """Two headers of one name, where that can be (RFC 9110, 5.3; cookies: RFC 6265, 5.4)."""
    if key in ("HTTP_HOST", "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_AUTHORIZATION"):
        raise Refused(400, "a header that can be there only once came twice")
    return f"{first}; {second}" if key == "HTTP_COOKIE" else f"{first},{second}"
