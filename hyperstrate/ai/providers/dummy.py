"""DUMMY: answers without network, in OpenAI's dialect, with the delays and faults that one chooses.

It takes the place of the network only: what it writes is read by the adapter of OpenAI's dialect.
Directives stand in the query of the base URL (``dummy://local?chunks=10&delay_ms=50``), or in a
line of the last user message (``/dummy fault=cut after=3 text="Hello"``), which wins:

    delay_ms  chunk_delay_ms  chunks  text  tool  input_tokens  output_tokens
    fault: refused reset silent slow_drip cut malformed html empty wrong_usage 429 500 529
    after: chunks before the cut · retry_after: seconds, with 429
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from hyperstrate.ai.providers import dummy_answers as answers
from hyperstrate.ai.providers.base import Call, Json, Timeouts
from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.inference import Cancellation

SCHEME = "dummy://"
MAX_NUMBER = 1_000_000
Pause = Callable[[float], None]
STATUSES = {"429": "Slow down", "500": "Something broke", "529": "Overloaded"}
FAULTS = {"refused", "reset", "silent", "slow_drip", "cut", "malformed", "html", "empty",
          "wrong_usage", *STATUSES}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Script:
    """How one request is answered; zero or empty: as a well-behaved provider would."""

    delay_ms: int = 0
    chunk_delay_ms: int = 0
    chunks: int = 0
    text: str = ""
    tool: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    fault: str = ""
    after: int = 2
    retry_after: int = 1


class Answer:
    """A provider's answer, as the client of the request path would give it."""

    def __init__(
        self,
        status: int,
        blocks: list[bytes],
        *,
        headers: Mapping[str, str] | None = None,
        pause: Pause,
        script: Script,
    ) -> None:
        self.status = status
        self.headers = {"content-type": "application/json", **(headers or {})}
        self._blocks = blocks
        self._pause = pause
        self._script = script

    def read(self) -> bytes:
        """The whole body. Raises ProviderError when it is cut."""
        if self._script.fault == "cut":
            raise cut()
        if self._script.fault == "slow_drip":
            self._pause(drip_s(self._script) * len(self._blocks))
        return b"".join(self._blocks)

    def events(self) -> Events:
        return Events(self._blocks, self._pause, self._script)

    def let_end(self) -> None:
        """It has."""

    def close(self) -> None:
        """Nothing is under way."""


class Events:
    """The events of a stream, each after its delay."""

    def __init__(self, blocks: list[bytes], pause: Pause, script: Script) -> None:
        self._blocks = iter(blocks)
        self._left = script.after if script.fault == "cut" else len(blocks)
        self._is_cut = script.fault == "cut"
        self._pause = pause
        self._delay_s = (
            drip_s(script) if script.fault == "slow_drip" else script.chunk_delay_ms / 1000
        )
        self.is_ready = not self._delay_s

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._is_cut and self._left <= 0:
            raise cut()
        self._left -= 1
        block = next(self._blocks)
        self._pause(self._delay_s)
        return block

    def close(self) -> None:
        """Nothing is under way."""


def open(call: Call, base_url: str, timeouts: Timeouts, cancellation: Cancellation) -> Answer:
    """Answer ``call``. Raises ProviderError for what a network would do, and when cancelled."""
    body: Json = orjson.loads(call.body)
    gone = threading.Event()
    cancellation.add(gone.set)

    def pause(seconds: float) -> None:
        if gone.wait(seconds) if seconds else gone.is_set():
            raise ProviderError("the client closed the connection", kind="cancelled")

    try:
        script = script_of(base_url, answers.last_words(body))
    except ValueError as error:
        refusal = answers.error(400, str(error))
        return Answer(400, [refusal], pause=pause, script=Script())
    _fail_to_connect(script, timeouts, pause)
    pause(min(script.delay_ms / 1000, timeouts.first_byte))
    if script.delay_ms / 1000 > timeouts.first_byte:
        raise timed_out(timeouts.first_byte)
    return _answer(script, call, body, pause)


def script_of(base_url: str, words: str) -> Script:
    """The directives for a request. Raises ValueError that names the wrong one."""
    given = dict(parse_qsl(urlsplit(base_url).query))
    for line in words.splitlines():
        if line.startswith("/dummy "):
            given.update(word.partition("=")[::2] for word in shlex.split(line)[1:])
    values: dict[str, Any] = {}
    for field in fields(Script):
        if field.name in given:
            word = given.pop(field.name)
            values[field.name] = word if "str" in str(field.type) else _number(field.name, word)
    if given:
        raise ValueError(f"dummy: no directive {sorted(given)[0]!r}")
    script = Script(**values)
    if script.fault and script.fault not in FAULTS:
        raise ValueError(f"dummy: fault must be one of: {' '.join(sorted(FAULTS))}")
    return script


def drip_s(script: Script) -> float:
    return (script.chunk_delay_ms or 1000) / 1000


def cut() -> ProviderError:
    return ProviderError("the provider closed the connection in mid-answer", kind="incomplete")


def timed_out(after_s: float) -> ProviderError:
    return ProviderError(f"the provider did not answer within {after_s:g} s", kind="timeout")


def _number(name: str, word: str) -> int:
    if not word.isdigit() or int(word) > MAX_NUMBER:
        raise ValueError(f"dummy: {name} must be a whole number from 0 to {MAX_NUMBER}")
    return int(word)


def _fail_to_connect(script: Script, timeouts: Timeouts, pause: Pause) -> None:
    if script.fault == "refused":
        raise ProviderError("the provider refused the connection", kind="connection")
    if script.fault == "reset":
        raise ProviderError("the provider reset the connection", kind="connection")
    if script.fault == "silent":
        pause(timeouts.first_byte)
        raise timed_out(timeouts.first_byte)


def _embeddings(script: Script, body: Json, pause: Pause) -> Answer:
    try:
        return Answer(200, [answers.embeddings(body)], pause=pause, script=script)
    except ValueError as error:
        return Answer(400, [answers.error(400, str(error))], pause=pause, script=script)


def _answer(script: Script, call: Call, body: Json, pause: Pause) -> Answer:
    if script.fault in STATUSES:
        status = int(script.fault)
        headers = {"retry-after": str(script.retry_after)} if status == 429 else {}
        refusal = answers.error(status, STATUSES[script.fault])
        return Answer(status, [refusal], headers=headers, pause=pause, script=script)
    if script.fault == "html":
        page = [b"<html><body>Bad gateway</body></html>"]
        kind = {"content-type": "text/html"}
        return Answer(200, page, headers=kind, pause=pause, script=script)
    if script.fault == "empty":
        return Answer(200, [], pause=pause, script=script)
    if call.url.partition("?")[0].endswith("/embeddings"):
        return _embeddings(script, body, pause)
    said = answers.Said.of(
        body,
        text=script.text,
        tool=script.tool,
        input_tokens=script.input_tokens,
        output_tokens=script.output_tokens,
        has_wrong_usage=script.fault == "wrong_usage",
    )
    if body.get("stream"):
        blocks = answers.stream(body, said, script.chunks)
        if script.fault == "malformed":
            blocks.insert(script.after, b'data: {"choices": [{"delta": {\n\n')
        kind = {"content-type": "text/event-stream"}
        return Answer(200, blocks, headers=kind, pause=pause, script=script)
    whole = answers.completion(body, said)
    blocks = [whole[: len(whole) // 2]] if script.fault == "malformed" else [whole]
    return Answer(200, blocks, pause=pause, script=script)
