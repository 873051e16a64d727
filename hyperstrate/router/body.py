"""The body of a call: a JSON object within the limits."""

from __future__ import annotations

from typing import Any

import orjson

from hyperstrate.shared.chat import Json
from hyperstrate.shared.errors import BadRequest, TooLarge

#: orjson reads 1024 levels, but writes 254.
MAX_DEPTH = 200


def read(raw: bytes, *, max_bytes: int) -> Json:
    """Raises BadRequest, TooLarge."""
    if len(raw) > max_bytes:
        raise TooLarge(f"the request body is larger than {max_bytes} bytes (MAX_BODY_BYTES)")
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the request body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadRequest("the request body must be a JSON object")
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _is_deep(body):
        raise BadRequest(f"the request body is nested deeper than {MAX_DEPTH} levels")
    return body


def _is_deep(body: Json) -> bool:
    level: list[Any] = [body]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for value in level
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True
