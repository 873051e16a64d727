"""Server-sent events: the bytes of one event, and the data in them (WHATWG HTML, section 9.2)."""

from __future__ import annotations


def data_of(event: bytes) -> bytes | None:
    """The data of ``event``, its lines joined; None when it has none, as a comment."""
    if event.startswith(b"data: ") and event.find(b"\n") >= len(event) - 2:
        return event[6:].strip()
    lines = [
        line[5:].removeprefix(b" ") for line in event.splitlines() if line.startswith(b"data:")
    ]
    return b"\n".join(lines).strip() if lines else None


def event(data: bytes, name: str = "") -> bytes:
    """An event with ``data``, which has no line breaks, and perhaps a ``name``."""
    if name:
        return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
    return b"data: %b\n\n" % data
