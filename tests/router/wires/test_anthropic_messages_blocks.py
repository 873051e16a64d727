from __future__ import annotations

from dataclasses import replace

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperstrate.shared.chat import Chunk, Dialect, Usage
from tests.anthropic_streams import (
    END,
    OPENAI,
    OURS,
    call,
    message_of,
    shape,
    stream,
    text_block,
    written,
)

PIECES = st.sampled_from(
    [
        Chunk(text="a"),
        Chunk(text="b", thinking="c"),
        Chunk(thinking="d"),
        Chunk(signature="s"),
        Chunk(refusal="no"),
        Chunk(is_preamble=True),
        Chunk(usage=Usage(5, 3)),
    ]
)
OBJECTS = st.sampled_from(["{}", '{"a":{"b":"}{"}}', '{"c":[1,2]}', '{"d":"\\u00e9"}'])


@st.composite
def shapes(draw: st.DrawFn) -> tuple[list[Chunk], dict[int, str]]:
    """Chunks in any order, with pieces of parallel calls among them, and the calls' arguments."""
    wanted = dict(enumerate(draw(st.lists(OBJECTS, max_size=3))))
    left = dict(wanted)
    begun: set[int] = set()
    chunks: list[Chunk] = []
    while left:
        chunks += draw(st.lists(PIECES, max_size=2))
        known = [index for index in left if index in begun or index == len(begun)]
        index = draw(st.sampled_from(known))
        size = draw(st.integers(1, len(left[index])))
        chunks.append(call(index, left[index][:size], name="" if index in begun else f"f{index}"))
        begun.add(index)
        left[index] = left[index][size:]
        if not left[index]:
            del left[index]
    return [*chunks, *draw(st.lists(PIECES, max_size=3)), *END], wanted


@given(shapes(), st.sampled_from([OURS, OPENAI]))
@settings(max_examples=200, deadline=None)
def test_any_order_of_pieces_makes_a_valid_stream_without_loss(
    case: tuple[list[Chunk], dict[int, str]], dialect: Dialect
) -> None:
    chunks, wanted = case

    content = message_of(written(chunks, dialect))["content"]

    calls = {block["name"]: block["input"] for block in content if block["type"] == "tool_use"}
    assert calls == {f"f{index}": orjson.loads(text) for index, text in wanted.items()}
    said = "".join(block["text"] for block in content if block["type"] == "text")
    assert said == "".join(chunk.text + chunk.refusal for chunk in chunks)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_a_stage_holds_back_or_rewrites_the_stream_stays_valid(
    data: st.DataObject,
) -> None:
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    tool = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    delta = {"type": "content_block_delta"}
    chunks = stream(
        {"type": "content_block_start", "index": 0, "content_block": thinking},
        {**delta, "index": 0, "delta": {"type": "thinking_delta", "thinking": "h"}},
        {**delta, "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
        {"type": "content_block_stop", "index": 0},
        *text_block(1, "a", "b"),
        {"type": "content_block_start", "index": 2, "content_block": tool},
        {**delta, "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 2},
    )
    deeds = st.sampled_from(["pass", "hold", "rewrite", "unraw"])
    kept: list[Chunk] = []
    for chunk in chunks[:-1]:
        deed = data.draw(deeds)
        if deed != "hold":
            changed = {"pass": chunk, "rewrite": shape(chunk), "unraw": replace(chunk, raw=None)}
            kept.append(changed[deed])

    payloads = [*kept, data.draw(st.sampled_from([chunks[-1], shape(chunks[-1])]))]

    written(payloads, OURS)
