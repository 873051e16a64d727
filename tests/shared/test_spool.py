"""What was appended is read in order, once it is committed never again, and nothing is skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hyperstrate.shared.spool import (
    Spool,
    SpoolError,
    SpoolReader,
    backlog,
    has_reader,
    oldest_line,
)

WRITER = """
import sys
from hyperstrate.shared.spool import Spool
spool = Spool(sys.argv[1], segment_bytes=20_000)
for number in range(10**9):
    spool.append(b"%d" % number + b" " * 50)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.fixture
def reader(tmp_path: Path) -> SpoolReader:
    reader = SpoolReader(tmp_path)
    assert reader.acquire()
    return reader


def read_all(reader: SpoolReader, *, limit: int = 500) -> list[bytes]:
    lines: list[bytes] = []
    while (batch := reader.read(limit)).lines:
        lines += batch.lines
        reader.commit(batch)
    return lines


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.segment"))


def test_lines_come_back_in_order_over_batches_and_segments(
    tmp_path: Path, reader: SpoolReader
) -> None:
    spool = Spool(tmp_path, segment_bytes=100)
    lines = [b"line %d" % number for number in range(60)]
    for line in lines:
        spool.append(line)

    assert len(segments(tmp_path)) > 3
    assert read_all(reader, limit=7) == lines


def test_what_is_not_committed_is_read_again(tmp_path: Path, reader: SpoolReader) -> None:
    spool = Spool(tmp_path)
    for number in range(3):
        spool.append(b"%d" % number)

    reader.commit(reader.read(1))

    assert reader.read().lines == [b"1", b"2"]
    assert reader.read().lines == [b"1", b"2"]


def test_positions_survive_a_restart_of_the_reader(tmp_path: Path, reader: SpoolReader) -> None:
    spool = Spool(tmp_path)
    spool.append(b"old")
    reader.commit(reader.read())
    reader.release()
    spool.append(b"new")

    again = SpoolReader(tmp_path)

    assert again.acquire()
    assert again.read().lines == [b"new"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_unreadable_positions_only_mean_reading_again(
    tmp_path: Path, reader: SpoolReader, content: bytes
) -> None:
    spool = Spool(tmp_path)
    spool.append(b"line")
    reader.commit(reader.read())
    reader.release()
    (tmp_path / "positions.json").write_bytes(content)

    again = SpoolReader(tmp_path)

    assert again.acquire()
    assert again.read().lines == [b"line"]


def test_a_segment_stays_while_its_writer_lives_and_goes_when_it_is_read_and_left(
    tmp_path: Path, reader: SpoolReader
) -> None:
    spool = Spool(tmp_path)
    spool.append(b"line")
    read_all(reader)
    assert len(segments(tmp_path)) == 1

    spool.close()
    reader.read()

    assert segments(tmp_path) == []


def test_an_unread_segment_of_a_dead_writer_is_kept(tmp_path: Path, reader: SpoolReader) -> None:
    spool = Spool(tmp_path)
    spool.append(b"line")
    spool.close()

    reader.read()

    assert len(segments(tmp_path)) == 1
    assert read_all(reader) == [b"line"]


def test_a_torn_last_line_of_a_dead_writer_is_skipped(tmp_path: Path, reader: SpoolReader) -> None:
    (tmp_path / "00000000000000000001-1.segment").write_bytes(b"whole\ntor")
    spool = Spool(tmp_path)
    spool.append(b"next")

    assert read_all(reader) == [b"whole", b"next"]
    assert [path.name.startswith("0" * 19) for path in segments(tmp_path)] == [False]


def test_a_line_that_is_still_being_written_waits(tmp_path: Path, reader: SpoolReader) -> None:
    spool = Spool(tmp_path)
    spool.append(b"first")
    with segments(tmp_path)[0].open("ab") as file:
        file.write(b"seco")
        file.flush()
        early = read_all(reader)
        file.write(b"nd\n")

    assert early == [b"first"]
    assert read_all(reader) == [b"second"]


def test_a_fork_gets_a_segment_of_its_own(tmp_path: Path, reader: SpoolReader) -> None:
    spool = Spool(tmp_path)
    spool.append(b"parent")
    child = os.fork()
    if not child:
        spool.append(b"child")
        os._exit(0)
    os.waitpid(child, 0)
    spool.append(b"parent again")

    assert len(segments(tmp_path)) == 2
    assert read_all(reader) == [b"parent", b"parent again", b"child"]


def test_only_one_reader_at_a_time(tmp_path: Path, reader: SpoolReader) -> None:
    second = SpoolReader(tmp_path)

    assert not second.acquire()
    reader.release()
    assert second.acquire()


def test_the_backlog_is_what_is_not_committed(tmp_path: Path, reader: SpoolReader) -> None:
    spool = Spool(tmp_path)
    spool.append(b"12345")
    spool.append(b"6789")
    before = backlog(tmp_path)

    reader.commit(reader.read(1))

    assert (before.bytes, before.segments) == (11, 1)
    assert backlog(tmp_path).bytes == 5


def test_a_rejected_line_is_kept_beside(tmp_path: Path, reader: SpoolReader) -> None:
    reader.reject(b"\xffbad", "not JSON")
    reader.reject(b"worse", "not JSON")

    assert (tmp_path / "rejected.jsonl").read_bytes() == b"\xffbad\nworse\n"


def test_a_folder_that_cannot_be_written_is_named_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SpoolError, match=r"SPOOL_DIR: .*/file/spool cannot be written"):
        Spool(tmp_path / "file" / "spool").check()


def test_check_makes_the_folder_and_leaves_nothing_in_it(tmp_path: Path) -> None:
    Spool(tmp_path / "a" / "spool").check()

    assert list((tmp_path / "a" / "spool").iterdir()) == []


@pytest.fixture
def full_disk() -> Path:
    if not Path("/dev/full").exists():
        pytest.fail("this test needs /dev/full")
    return Path("/dev/full")


def test_a_full_disk_is_an_error_and_the_next_line_starts_a_new_segment(
    tmp_path: Path, reader: SpoolReader, full_disk: Path
) -> None:
    spool = Spool(tmp_path)
    spool.append(b"before")
    os.dup2(os.open(full_disk, os.O_WRONLY), spool._descriptor)

    with pytest.raises(OSError, match="No space left"):
        spool.append(b"lost")
    spool.append(b"after")

    assert read_all(reader) == [b"before", b"after"]


def test_positions_that_cannot_be_stored_do_not_stop_the_reader(
    tmp_path: Path, reader: SpoolReader, full_disk: Path
) -> None:
    spool = Spool(tmp_path)
    spool.append(b"line")
    (tmp_path / "positions.json.new").symlink_to(full_disk)

    assert read_all(reader) == [b"line"]


def test_every_acknowledged_line_of_a_killed_writer_is_read(
    tmp_path: Path, reader: SpoolReader
) -> None:
    acknowledged: list[int] = []
    read: list[bytes] = []
    for many in (50, 700, 3000):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout
            seen = [int(writer.stdout.readline()) for _ in range(many)]
            read += read_all(reader)
            writer.kill()
            seen += [int(line) for line in writer.stdout.read().splitlines(keepends=True)]
        acknowledged += seen
        read += read_all(reader)

    found = Counter(int(line) for line in read)
    wanted = Counter(acknowledged)
    assert found >= wanted
    assert (found - wanted).total() <= 3  # written, and killed before it could say so
    reader.read()
    assert segments(tmp_path) == []


def test_the_oldest_line_is_the_one_that_waits_for_longest(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=1)
    assert oldest_line(tmp_path) is None
    spool.append(b"first")
    spool.append(b"second")
    reader = SpoolReader(tmp_path)
    assert reader.acquire()
    before = oldest_line(tmp_path)

    reader.commit(reader.read(1))

    assert (before, oldest_line(tmp_path)) == (b"first", b"second")
    reader.release()


def test_anybody_may_ask_whether_somebody_reads(tmp_path: Path) -> None:
    reader = SpoolReader(tmp_path)
    alone = has_reader(tmp_path)

    assert reader.acquire()

    assert (alone, has_reader(tmp_path)) == (False, True)
    reader.release()
