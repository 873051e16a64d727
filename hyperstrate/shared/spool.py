"""Append-only files of finished requests: every process writes its own, one reader reads them all.

A writer holds a lock on its segment, which the kernel drops when it dies; so the reader knows when
nothing more will come. Positions are kept after the lines are safe elsewhere: a line may be read
twice after a crash, and is never skipped.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import structlog

from hyperstrate.shared.locks import brief_lock

log = structlog.get_logger(__name__)
SEGMENT_BYTES = 16 * 2**20
BATCH_BYTES = 8 * 2**20
_SUFFIX = ".segment"
_POSITIONS = "positions.json"
_LOCK = "reader.lock"
_REJECTED = "rejected.jsonl"


class SpoolError(Exception):
    """The spool's folder cannot be used; the message names it and says why."""


class Spool:
    """The writing end. Safe to share between threads and greenlets, and across a fork."""

    def __init__(self, folder: str | Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = Path(folder)
        self._segment_bytes = segment_bytes
        self._lock = brief_lock()
        self._descriptor = -1
        self._owner = 0
        self._size = 0

    def check(self) -> None:
        """Write and delete a small file. Raises SpoolError."""
        probe = self.folder / f"probe-{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(bytes(4096))
            probe.unlink()
        except OSError as error:
            raise SpoolError(f"SPOOL_DIR: {self.folder} cannot be written: {error}") from error

    def append(self, line: bytes) -> None:
        """Add ``line``, which has no newline in it. After the return kill -9 cannot lose it.

        Raises OSError when it was not written whole.
        """
        with self._lock:
            if self._owner != os.getpid():
                self._open()
            try:
                written = os.write(self._descriptor, line + b"\n")
            except OSError:
                self._leave()
                raise
            self._size += written
            is_whole = written > len(line)
            if not is_whole or self._size >= self._segment_bytes:
                self._leave()
        if not is_whole:
            raise OSError(errno.ENOSPC, "only a part of the line was written", str(self.folder))

    def close(self) -> None:
        """Let the reader finish this segment; the next line opens another."""
        with self._lock:
            self._leave()

    def _open(self) -> None:
        """A segment of this process; the one that a fork brought along stays the parent's."""
        self._leave()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        while True:
            path = self.folder / f"{time.time_ns():020d}-{os.getpid()}{_SUFFIX}"
            descriptor = os.open(path, flags, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                break
            os.close(descriptor)  # the reader saw it before it was locked, and took it for dead
        self._descriptor, self._owner, self._size = descriptor, os.getpid(), 0

    def _leave(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._owner = -1, 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines in order, and where the reader stands in each segment once they are safe."""

    lines: list[bytes] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)


class SpoolReader:
    """The reading end; :meth:`acquire` makes sure that there is one of it on this host."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._lock = -1
        self._positions: dict[str, int] = {}

    def acquire(self) -> bool:
        """Become the reader, unless another process is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._lock, self._positions = descriptor, _stored_positions(self.folder)
        return True

    def release(self) -> None:
        """Let another process be the reader."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def read(self, limit: int = 500) -> Batch:
        """The next lines, at most ``limit``; the same ones again until :meth:`commit`.

        Deletes segments that are read to their end and that nobody writes any more.
        """
        batch, room = Batch(), BATCH_BYTES
        for path in _segments(self.folder):
            position = self._positions.get(path.name, 0)
            lines, end = _complete_lines(path, position, limit - len(batch.lines), room)
            if not lines:
                self._delete_if_finished(path, position)
                continue
            batch.lines.extend(lines)
            batch.positions[path.name] = end
            room -= end - position
            if len(batch.lines) >= limit or room <= 0:
                break
        return batch

    def commit(self, batch: Batch) -> None:
        """The lines of ``batch`` are safe elsewhere: go on behind them, also after a restart."""
        present = {path.name for path in _segments(self.folder)}
        moved = self._positions | batch.positions
        self._positions = {name: end for name, end in moved.items() if name in present}
        try:
            _store_positions(self.folder, self._positions)
        except OSError as error:  # a full disk: reading again is harmless, standing still is not
            log.warning("spool_positions_not_stored", folder=str(self.folder), error=str(error))

    def reject(self, line: bytes, reason: str) -> None:
        """Put a line that cannot be used aside, for people to look at."""
        log.error("spool_line_rejected", reason=reason, line=line[:200].decode(errors="replace"))
        with (self.folder / _REJECTED).open("ab") as file:
            file.write(line + b"\n")

    def _delete_if_finished(self, path: Path, position: int) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            rest = os.pread(descriptor, os.fstat(descriptor).st_size, position)
            if b"\n" in rest:
                return  # written between our look and the lock
            if rest:
                log.warning("spool_line_torn", segment=path.name, length=len(rest))
            path.unlink()
        except BlockingIOError:
            return  # its writer lives
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for the reader."""

    bytes: int
    segments: int


def backlog(folder: str | Path) -> Backlog:
    """How much is not read yet; any process may ask. Raises OSError."""
    positions = _stored_positions(Path(folder))
    waiting = [_size(path) - positions.get(path.name, 0) for path in _segments(Path(folder))]
    return Backlog(sum(waiting), sum(1 for size in waiting if size > 0))


def oldest_line(folder: str | Path) -> bytes | None:
    """The line that has waited for the reader for longest. Raises OSError."""
    positions = _stored_positions(Path(folder))
    for path in _segments(Path(folder)):
        try:
            lines, _ = _complete_lines(path, positions.get(path.name, 0), 1, BATCH_BYTES)
        except FileNotFoundError:  # read and deleted meanwhile
            continue
        if lines:
            return lines[0]
    return None


def has_reader(folder: str | Path) -> bool:
    """Whether a process of this host reads; any process may ask. Raises OSError."""
    reader = SpoolReader(folder)
    if not reader.acquire():
        return True
    reader.release()
    return False


def _segments(folder: Path) -> list[Path]:
    """Oldest first: names begin with the time."""
    return sorted(folder.glob(f"*{_SUFFIX}"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # read and deleted meanwhile
        return 0


def _complete_lines(
    path: Path, position: int, limit: int, max_bytes: int
) -> tuple[list[bytes], int]:
    """Lines from ``position`` and where they end; what has no newline yet is left for later."""
    lines: list[bytes] = []
    end = position
    with path.open("rb") as file:
        file.seek(position)
        while len(lines) < limit and end - position < max_bytes:
            line = file.readline()
            if not line.endswith(b"\n"):
                break
            lines.append(line[:-1])
            end += len(line)
    return lines, end


def _stored_positions(folder: Path) -> dict[str, int]:
    try:
        stored: dict[str, int] = orjson.loads((folder / _POSITIONS).read_bytes())
    except FileNotFoundError:
        return {}
    except orjson.JSONDecodeError as error:
        log.warning("spool_positions_unreadable", folder=str(folder), error=str(error))
        return {}
    return stored


def _store_positions(folder: Path, positions: Mapping[str, int]) -> None:
    """Whole or not at all: a new file takes the place of the old one."""
    draft = folder / f"{_POSITIONS}.new"
    draft.write_bytes(orjson.dumps(positions))
    draft.replace(folder / _POSITIONS)
