"""WIRES: what clients may speak to the gateway, by dialect."""

from __future__ import annotations

from hyperstrate.router.wires.anthropic_messages import AnthropicMessages
from hyperstrate.router.wires.base import Wire
from hyperstrate.router.wires.native import Native
from hyperstrate.router.wires.openai_chat import OpenAIChat
from hyperstrate.router.wires.openai_embeddings import OpenAIEmbeddings
from hyperstrate.shared.chat import Dialect

WIRES: dict[Dialect, Wire] = {
    wire.dialect: wire for wire in (OpenAIChat(), OpenAIEmbeddings(), AnthropicMessages(), Native())
}
