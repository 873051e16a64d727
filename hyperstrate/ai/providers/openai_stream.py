"""The stream of a chat completion, chunk by chunk, in the common shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from hyperstrate.ai.providers.openai_answer import finish_of, usage_of, word_of
from hyperstrate.ai.providers.openai_errors import error_inside, wrong_answer
from hyperstrate.shared.chat import Chunk, Json, ToolCallDelta
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.foreign_json import Payloads
from hyperstrate.shared.openai_messages import WORD_FIELDS, arguments_of
from hyperstrate.shared.sse import data_of

DONE = b"[DONE]"
#: Or nothing. Written out where they are asked for, they would be made anew for every chunk.
_LIST, _DICT, _INT = list | None, dict | None, int | None


def read_chunks(events: Iterable[bytes]) -> Iterator[Chunk]:
    """The chunks of ``events``. A stream that finished but never said [DONE] gets its last chunk.

    Raises ProviderError.
    """
    reader, payloads = _Reader(), Payloads()
    for event in events:
        data = data_of(event)
        if data is None:
            yield Chunk(raw=event, is_preamble=True)
            continue
        if data == DONE:
            yield Chunk(raw=event, is_last=True)
            return
        payload = _load(data, payloads)
        if payload.get("error"):
            if usage := usage_of(payload.get("usage")):
                yield Chunk(raw=b"", usage=usage, is_preamble=True)
            raise error_inside(payload["error"])
        yield reader.read(event, payload)
    if not reader.is_finished:
        raise ProviderError("the provider's stream broke off", kind="incomplete")
    yield Chunk(is_last=True)


def _load(data: bytes, payloads: Payloads) -> Json:
    try:
        payload = payloads.loads(data)
    except ValueError:
        raise wrong_answer("has an event that is not JSON", data) from None
    if not isinstance(payload, dict) or not isinstance(payload.get("choices"), _LIST):
        raise wrong_answer("has an event of a wrong shape", data)
    return payload


class _Reader:
    """Reads the payloads of one stream."""

    def __init__(self) -> None:
        self.is_finished = False
        self._has_calls = False
        self._has_refusal = False

    def read(self, event: bytes, payload: Json) -> Chunk:
        model, chunk_id = word_of(payload, "model"), word_of(payload, "id")
        if text := _text_alone(payload):
            return Chunk(raw=event, payload=payload, text=text, model=model, id=chunk_id)
        chunk = Chunk(
            raw=event,
            payload=payload,
            model=model,
            id=chunk_id,
            usage=self._usage(payload),
        )
        has_words = False
        for choice in payload.get("choices") or ():
            if not _is_choice(choice):
                raise wrong_answer("has an event of a wrong shape", event)
            delta = choice.get("delta") or {}
            has_words = has_words or any(delta[key] for key in delta if key != "role")
            if choice.get("index"):
                chunk.other_text += _words(delta, "text")
                self.is_finished = self.is_finished or bool(choice.get("finish_reason"))
            else:
                self._read_first(choice, delta, chunk)
        is_bare = chunk.usage is None or bool(payload.get("choices"))
        chunk.is_preamble = not has_words and chunk.finish_reason is None and is_bare
        return chunk

    def _usage(self, payload: Json) -> Any:
        said = payload.get("usage")
        if said is None and isinstance(payload.get("x_groq"), dict):
            said = payload["x_groq"].get("usage")
        return None if said is None else usage_of(said)

    def _read_first(self, choice: Json, delta: Json, chunk: Chunk) -> None:
        chunk.text = _words(delta, "text")
        chunk.thinking = _thinking(delta)
        chunk.signature = _signature(delta)
        chunk.refusal = word_of(delta, "refusal")
        calls = delta.get("tool_calls")
        if calls:
            chunk.tool_calls = _calls(calls)
            self._has_calls = True
        self._has_refusal = self._has_refusal or bool(chunk.refusal)
        word = choice.get("finish_reason")
        if word:
            chunk.finish_reason = finish_of(
                word, has_calls=self._has_calls, has_refusal=self._has_refusal
            )
            chunk.finish_detail = str(word)
            chunk.stop_sequence = word_of(choice, "stop_reason")
            self.is_finished = True


_BESIDE_THE_TEXT = {"content", "role"}


def _text_alone(payload: Json) -> str:
    """The text of a payload that says nothing else, as nearly all of a stream do; else nothing."""
    choices = payload.get("choices")
    if payload.get("usage") or "x_groq" in payload or not choices or len(choices) != 1:
        return ""
    choice = choices[0]
    if not _is_choice(choice) or choice.get("index") or choice.get("finish_reason"):
        return ""
    delta = choice.get("delta") or {}
    return word_of(delta, "content") if delta.keys() <= _BESIDE_THE_TEXT else ""


def _is_choice(choice: Any) -> bool:
    if not isinstance(choice, dict) or not isinstance(choice.get("index"), _INT):
        return False
    return isinstance(choice.get("delta"), _DICT)


def _words(delta: Json, kind: str) -> str:
    """The content as text; Mistral's is a list while it thinks."""
    content = delta.get("content")
    if isinstance(content, str):
        return content if kind == "text" else ""
    if not isinstance(content, list):
        return ""
    pieces = [piece for piece in content if isinstance(piece, dict) and piece.get("type") == kind]
    if kind == "thinking":
        lists = [piece.get("thinking") for piece in pieces]
        pieces = [line for it in lists if isinstance(it, list) for line in it]
    return "".join(word_of(piece, "text") for piece in pieces if isinstance(piece, dict))


def _thinking(delta: Json) -> str:
    for field in WORD_FIELDS:
        if words := word_of(delta, field):
            return words
    return _words(delta, "thinking")


def _signature(delta: Json) -> str:
    blocks = delta.get("thinking_blocks")
    if not isinstance(blocks, list):
        return ""
    return "".join(word_of(block, "signature") for block in blocks if isinstance(block, dict))


def _calls(calls: Any) -> tuple[ToolCallDelta, ...]:
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise wrong_answer("has tool calls of a wrong shape", orjson.dumps(calls))
    return tuple(_call(place, call) for place, call in enumerate(calls))


def _call(place: int, call: Json) -> ToolCallDelta:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    index = call.get("index")
    return ToolCallDelta(
        index if isinstance(index, int) else place,
        word_of(call, "id"),
        word_of(function, "name"),
        arguments_of(function),
    )
