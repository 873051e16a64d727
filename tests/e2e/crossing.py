"""Questions and answers that cross from one dialect to the other, through the official clients."""

from __future__ import annotations

from typing import Any

from anthropic import Anthropic
from anthropic.types import Message
from openai import OpenAI
from openai.types.chat import ChatCompletion

from tests import answers
from tests.e2e.judges import refused_by_anthropic, refused_by_openai
from tests.e2e.recorded import Json, Stage
from tests.upstreams import Answer

ASK: dict[str, Any] = {"model": "any", "messages": [{"role": "user", "content": "Hi"}]}
ASK_CLAUDE: dict[str, Any] = {**ASK, "max_tokens": 99}
HI: Json = {"role": "user", "content": "Hi"}
LOOK: Json = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
}


def ask_claude(stage: Stage, client: OpenAI, messages: list[Any], **fields: Any) -> Json:
    """What Claude's provider gets for a request of OpenAI's client; it is a sound one."""
    stage.provider.answers(answers.anthropic("Hello"))
    completion = client.chat.completions.create(model="any", messages=messages, **fields)
    assert completion.choices[0].message.content == "Hello"
    sent: Json = stage.provider.requests[-1].json
    assert refused_by_anthropic(sent) == []
    return sent


def ask_gpt(stage: Stage, client: Anthropic, messages: list[Any], **fields: Any) -> Json:
    """What GPT's provider gets for a request of Anthropic's client; it is a sound one."""
    stage.provider.answers(answers.openai("Hello"))
    message = client.messages.create(model="any", max_tokens=99, messages=messages, **fields)
    assert [block.to_dict() for block in message.content] == [{"type": "text", "text": "Hello"}]
    sent: Json = stage.provider.requests[-1].json
    assert refused_by_openai(sent) == []
    return sent


def call(call_id: str, arguments: str) -> Json:
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": "look", "arguments": arguments},
    }


def of_claude(stage: Stage, client: OpenAI, answer: Answer) -> ChatCompletion:
    """Claude's answer as OpenAI's client reads it."""
    stage.provider.answers(answer)
    found: ChatCompletion = client.chat.completions.create(**ASK)
    return found


def streamed_by_claude(stage: Stage, client: OpenAI, events: list[bytes]) -> ChatCompletion:
    stage.provider.answers(answers.sse(events))
    options = {"include_usage": True}
    with client.chat.completions.stream(**ASK, stream_options=options) as stream:  # type: ignore[arg-type]
        return stream.get_final_completion()


def of_gpt(stage: Stage, client: Anthropic, answer: Answer) -> Message:
    """GPT's answer as Anthropic's client reads it."""
    stage.provider.answers(answer)
    found: Message = client.messages.create(**ASK_CLAUDE)
    return found


def streamed_by_gpt(stage: Stage, client: Anthropic, events: list[bytes]) -> Message:
    stage.provider.answers(answers.sse(events))
    with client.messages.stream(**ASK_CLAUDE) as stream:
        return stream.get_final_message()


def words_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")
