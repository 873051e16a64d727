"""Reads HTTP/1.1 answers: head, framing and content coding, within limits."""

from __future__ import annotations

import zlib
from functools import lru_cache

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MAX_HEAD_BYTES = 128 * 1024


class Malformed(Exception):
    """What came is not an answer that we take; the text continues "the provider ..."."""


class Cut(Exception):
    """The answer ended before its declared end."""


class AnswerParser:
    """Parses the answers that come over one connection, one after the other.

    ``blocks`` are the decoded pieces of the body that nobody has taken yet.
    """

    __slots__ = (
        "_decoder",
        "_head_bytes",
        "_limit",
        "_parser",
        "_received",
        "blocks",
        "has_head",
        "headers",
        "is_begun",
        "is_complete",
        "keeps_alive",
        "status",
    )

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self.begin(0)

    def begin(self, limit: int) -> None:
        """Forget the last answer; the body of the next may have ``limit`` bytes."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.blocks: list[bytes] = []
        self.is_begun = False
        self.has_head = False
        self.is_complete = False
        self.keeps_alive = False
        self._limit = limit
        self._received = 0
        self._head_bytes = 0
        self._decoder: Decoder | None = None

    def feed(self, data: bytes) -> None:
        """Raises Malformed."""
        self.is_begun = True
        if not self.has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._refuse(error)
        if not self.has_head and self._head_bytes > MAX_HEAD_BYTES:
            raise Malformed("sent too many headers.")

    def feed_end(self) -> None:
        """The provider closed the connection. Raises Cut when this is not the answer's end."""
        if not self.has_head or "content-length" in self.headers or self._is_chunked():
            raise Cut
        self.on_message_complete()
        self.keeps_alive = False

    def _refuse(self, error: Exception) -> None:
        if self.is_complete:  # bytes after the answer: it stands, the connection does not
            self.keeps_alive = False
            return
        if isinstance(error.__context__, Malformed | Cut):
            raise error.__context__
        raise Malformed("sent something that is not HTTP.") from None

    def _is_chunked(self) -> bool:
        return "chunked" in self.headers.get("transfer-encoding", "").lower()

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise Malformed("sent an answer to nothing.")

    def on_header(self, name: bytes, value: bytes) -> None:
        key = _lower(name)
        text = value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        self.has_head = True
        length = self.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._limit:
            raise Malformed(f"announced more than {self._limit} bytes.")
        encoding = self.headers.get("content-encoding", "identity").lower()
        if encoding not in ("identity", ""):
            self._decoder = Decoder(encoding)

    def on_body(self, block: bytes) -> None:
        if self._decoder:
            block = self._decoder.feed(block, self._limit + 1 - self._received)
        self._received += len(block)
        if self._received > self._limit:
            raise Malformed(f"sent more than {self._limit} bytes.")
        if block:
            self.blocks.append(block)

    def on_message_complete(self) -> None:
        if not self.has_head:  # 1xx: the answer is still to come (RFC 9110, 15.2)
            self.headers.clear()
            return
        if self._decoder and self._decoder.is_open:
            raise Cut
        self.keeps_alive = self._parser.should_keep_alive()
        self.is_complete = True


@lru_cache(maxsize=1024)
def _lower(name: bytes) -> str:
    return name.decode("latin-1").lower()


class Decoder:
    """Unpacks a body of a provider that compresses although it was asked not to."""

    __slots__ = ("_bits", "_inflate", "is_open")

    def __init__(self, encoding: str) -> None:
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise Malformed("used a content coding that was not asked for.")
        self._bits = -15 if encoding == "deflate" else 31
        self._inflate = zlib.decompressobj(self._bits)
        self.is_open = False

    def feed(self, block: bytes, limit: int) -> bytes:
        """At most ``limit`` bytes. Raises Malformed."""
        if not self.is_open and self._bits < 0 and block[0] & 15 == 8:
            self._inflate = zlib.decompressobj(15)  # deflate is zlib by the RFC, bare by some
        self.is_open = True
        try:
            found = self._inflate.decompress(block, limit)
        except zlib.error:
            raise Malformed("sent a compressed body that cannot be read.") from None
        if self._inflate.unused_data:
            raise Malformed("sent bytes after its compressed body.")
        self.is_open = not self._inflate.eof
        return found
