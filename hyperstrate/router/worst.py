"""What a call is expected to take at most, so that budgets can hold it before it is made."""

from __future__ import annotations

import orjson

from hyperstrate.router.ports import Inference
from hyperstrate.router.stage import Target
from hyperstrate.shared.chat import (
    ChatRequest,
    Conversation,
    Document,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
)
from hyperstrate.shared.errors import BadRequest
from hyperstrate.shared.spending import Worst

#: Tokens of an answer when neither the client nor the model sets a lower bound.
USUAL_OUTPUT = 4096
#: Tokens of a picture, sound or page: what a large picture costs at the known providers.
OTHER_PART = 1600
#: Bytes of a page of a document, when its letters are not there to count: few, so as to be safe.
PAGE_BYTES = 20_000
MESSAGE_OVERHEAD = 8
#: The estimate counts characters; real tokenizers were seen up to a quarter above it.
MARGIN = 1.25


def worst(chat: ChatRequest, inference: Inference, target: Target) -> Worst:
    """The request's tokens with a margin, and the longest answer, at the target's price."""
    try:
        conversation = chat.conversation
    except BadRequest:
        asked = inference.estimate_tokens(orjson.dumps(chat.body).decode())
        answered = USUAL_OUTPUT if chat.operation == "chat" else 0
    else:
        asked = asked_tokens(conversation, inference)
        answered = _answered(chat, conversation, target)
    usage = Usage(int(asked * MARGIN), answered)
    return Worst(target.model.price(usage), usage.input_tokens + usage.output_tokens)


def asked_tokens(conversation: Conversation, inference: Inference) -> int:
    """About how many tokens the question has."""
    words: list[str] = []
    others = 0
    for message in conversation.messages:
        others += _collect(message.parts, words)
    tools = orjson.dumps(conversation.tools).decode() if conversation.tools else ""
    tokens = inference.estimate_tokens("\n".join([*words, tools]))
    return tokens + others * OTHER_PART + len(conversation.messages) * MESSAGE_OVERHEAD


def _collect(parts: list[Part], words: list[str]) -> int:
    """Put the words of ``parts`` into ``words``; how many pages and pictures there are."""
    others = 0
    for part in parts:
        if isinstance(part, Text) or (isinstance(part, Thinking | Document) and part.text):
            words.append(part.text)
        elif isinstance(part, ToolCall):
            words.append(part.arguments)
        elif isinstance(part, ToolResult):
            others += _collect(part.parts, words)
        else:
            others += _pages(part)
    return others


def _pages(part: Part) -> int:
    """A document has as many as its base64 makes likely; all else is one."""
    data = part.data if isinstance(part, Document) else ""
    return 1 + len(data) * 3 // 4 // PAGE_BYTES


def _answered(chat: ChatRequest, conversation: Conversation, target: Target) -> int:
    if chat.operation != "chat":
        return 0
    longest = target.model.max_output_tokens or USUAL_OUTPUT
    choices = chat.body.get("n")
    times = choices if isinstance(choices, int) and choices > 0 else 1
    return (conversation.max_output_tokens or min(longest, USUAL_OUTPUT)) * times
