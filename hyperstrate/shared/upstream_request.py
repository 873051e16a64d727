"""Writes the head of an HTTP/1.1 request; nothing in it can begin a second one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from hyperstrate.shared.addresses import Address

# Ours: a second one would let a caller change the framing or the host (RFC 9112, 11.2).
_OWN_HEADERS = frozenset(
    {"accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "te",
     "trailer", "transfer-encoding", "upgrade"}
)  # fmt: skip
_TOKEN_CHARACTERS = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")


def request_head(method: str, address: Address, headers: Mapping[str, str], length: int) -> bytes:
    """Raises ValueError for names and values that are not those of one header."""
    lines = [
        f"{method} {address.target} HTTP/1.1\r\nhost: {address.authority}\r\n"
        f"accept-encoding: identity\r\ncontent-length: {length}\r\n"
    ]
    for name, value in headers.items():
        if begin := _begin_of_line(name):
            lines.append(f"{begin}{value}\r\n")
    lines.append("\r\n")
    head = "".join(lines)
    breaks = len(lines) + 3  # of the first line, which is four
    if head.count("\r") != breaks or head.count("\n") != breaks or "\0" in head:
        raise ValueError("a header has a line break in it")
    try:
        return head.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("a header has characters beyond Latin-1") from None


@lru_cache(maxsize=1024)
def _begin_of_line(name: str) -> str:
    """``name: `` in lower case; nothing for the headers that are ours."""
    key = name.lower()
    if not key or not _TOKEN_CHARACTERS.issuperset(key):
        raise ValueError("a header has a name that is not valid")
    return "" if key in _OWN_HEADERS else f"{key}: "
