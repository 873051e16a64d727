"""Answers are read within limits, also those that are packed without being asked for."""

from __future__ import annotations

import gzip
import zlib

import pytest

from hyperstrate.shared.upstream_parser import AnswerParser, Cut, Malformed

TEXT = b"The quick brown fox. " * 50


def feed(*blocks: bytes, limit: int = 10_000) -> AnswerParser:
    parser = AnswerParser()
    parser.begin(limit)
    for block in blocks:
        parser.feed(block)
    return parser


def packed(encoding: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def bare_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", bare_deflate(TEXT)),
        ("identity", TEXT),
    ],
    ids=["gzip", "x-gzip", "zlib", "deflate", "identity"],
)
def test_unpacks_what_was_packed(encoding: str, body: bytes) -> None:
    wire = packed(encoding, body)

    whole, bytewise = feed(wire), feed(*[bytes([byte]) for byte in wire])

    assert b"".join(whole.blocks) == b"".join(bytewise.blocks) == TEXT
    assert whole.is_complete
    assert whole.keeps_alive


def test_an_empty_packed_body_is_empty() -> None:
    parser = feed(packed("gzip", b""))

    assert (parser.is_complete, parser.blocks) == (True, [])


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        (packed("br", b"xx"), "content coding"),
        (packed("gzip", b"this is not gzip"), "cannot be read"),
        (packed("gzip", gzip.compress(TEXT) * 2), "after its compressed body"),
        (packed("gzip", gzip.compress(b"0" * 1_000_000)), "more than 10000 bytes"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "not HTTP"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "not HTTP",
        ),
        (b"HTTP/1.1 200 OK\r\na: b\r\n c: d\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, "too many headers"),
        (b"a: b\r\n" * 30_000, "not HTTP"),
    ],
)
def test_refuses_what_it_cannot_trust(wire: bytes, text: str) -> None:
    with pytest.raises(Malformed, match=text):
        feed(*[wire[begin : begin + 4096] for begin in range(0, len(wire), 4096)])


def test_a_cut_packed_body_is_no_answer() -> None:
    with pytest.raises(Cut):
        feed(packed("gzip", gzip.compress(TEXT)[:-12]))


def test_the_next_answer_starts_afresh() -> None:
    parser = feed(packed("gzip", gzip.compress(TEXT)))

    parser.begin(100)
    parser.feed(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno")

    assert (parser.status, parser.blocks) == (404, [b"no"])
    assert parser.headers == {"content-length": "2"}
