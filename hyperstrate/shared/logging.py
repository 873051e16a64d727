"""Structured logs on standard error: one JSON line each in production, secrets masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

_SECRET_NAME = re.compile(r"authorization|api[-_]?key|secret|password|token|cookie", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"""
    \b(?:hs_|whsec_|sk-|sk_|gsk_|csk-|pplx-|xai-|AIza)[\w-]{8,}       # keys, ours and of providers
    | \bey[\w-]{8,}\.ey[\w-]{8,}\.[\w-]*                    # session tokens (JWT)
    | (?<=\b[Bb]earer[ ])[^\s'"]{8,}
    | (?<=[?&]key=)[^&\s'"]+                                   # in the address of a call
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)                          # in the address of a database
    | (?P<name>(?i:authorization|api-key|cookie)['"]?:[ ]?['"]?)[^\r\n'"]+   # headers
    """,
    re.VERBOSE,
)
_PLAIN = (int, float, type(None))
_OF_STRUCTLOG = ("_record", "_from_structlog")


def mask(text: str) -> str:
    """``text`` without the keys and tokens that stand in it."""
    return _SECRET_TEXT.sub(r"\g<name>***", text)


def mask_secrets(_logger: object, _name: str, event: MutableMapping[str, Any]) -> Any:
    """A structlog processor: no value of a secret's name, and no text that looks like a key."""
    for name, value in event.items():
        if name not in _OF_STRUCTLOG:
            event[name] = _masked(name, value)
    return event


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if _SECRET_NAME.search(name):
        return "***"
    if isinstance(value, Mapping):
        return {key: _masked(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked("", inner) for inner in value]
    return mask(value if isinstance(value, str) else repr(value))


def configure(level: str, *, as_json: bool) -> None:
    """Set up structlog and the standard library's logging alike."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it names every address it calls
