"""JSON as providers write it: also with the halves of one character in two strings."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import orjson

MOST = 2**53  # what every reader of JSON keeps exact (RFC 8259, section 6)


def is_count(said: Any) -> bool:
    """A number of tokens that can be right: whole, not below zero; or none was said."""
    return said is None or (type(said) is int and 0 <= said <= MOST)


def loads(data: bytes) -> Any:
    """One JSON text. Raises ValueError."""
    return Payloads().loads(data)


class Payloads:
    """Reads the payloads of one stream.

    A server that cuts its text between two tokens may cut a character that is escaped as a
    surrogate pair (RFC 8259, section 7). Its first half waits for the string at the same place in
    the next payload; a half that stays alone becomes U+FFFD, or nothing at the end of all.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[str | int, ...], str] = {}

    def loads(self, data: bytes) -> Any:
        """The next payload. Raises ValueError."""
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            if b"\\u" not in data:
                raise
        try:
            return self._whole(json.loads(data, parse_constant=_refuse), ())
        except RecursionError:
            raise ValueError("is nested too deeply") from None

    def _whole(self, value: Any, place: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            return {_text(key): self._whole(it, (*place, key)) for key, it in value.items()}
        if isinstance(value, list):
            return [self._whole(it, (*place, index)) for index, it in enumerate(value)]
        if not isinstance(value, str):
            return value
        text = self._waiting.pop(place, "") + value
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._waiting[place], text = text[-1], text[:-1]
        return _text(text)


def _text(halves: str) -> str:
    """Pairs as one character."""
    return halves.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
