"""Structured logs on standard error: one JSON line each in production, secrets masked."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAME = re.compile(r"authorization|api[-_]?key|secret|password|token|cookie", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"\b(hs_|sk-|sk_|gsk_|xai-|AIza)[\w-]{8,}|(?<=Bearer )\S{8,}|(?<=[?&]key=)[^&\s]+"
)


def mask(text: str) -> str:
    """``text`` without the keys and tokens that stand in it."""
    return _SECRET_TEXT.sub("***", text)


def mask_secrets(_logger: object, _name: str, event: MutableMapping[str, Any]) -> Any:
    """A structlog processor: no value of a secret's name, and no text that looks like a key."""
    for name, value in event.items():
        if _SECRET_NAME.search(name) and not isinstance(value, int | float):
            event[name] = "***"
        elif isinstance(value, str):
            event[name] = mask(value)
    return event


def configure(level: str, *, as_json: bool) -> None:
    """Set up structlog and the standard library's logging alike."""
    renderer: Any = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
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
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
