"""What a call used, where its provider did not say it, or did not come to say it; and its price."""

from __future__ import annotations

from dataclasses import replace

from hyperstrate.router.ports import Inference
from hyperstrate.router.stage import Exchange, Target
from hyperstrate.shared.chat import ChatRequest, ChatResult, Text, Thinking, Usage, text_of
from hyperstrate.shared.errors import BadRequest, ProviderError
from hyperstrate.shared.money import SMALLEST_USD

SENSELESS = "what the provider said was used cannot be: the tokens are estimated"


def account(
    exchange: Exchange, inference: Inference, target: Target, result: ChatResult, *, is_whole: bool
) -> None:
    """Complete ``result.usage`` and price it. ``is_whole``: the answer came to its end.

    Some providers name the output only there: where an answer broke off, the words that came count.
    """
    if result.has_usage and result.usage.is_estimated:
        exchange.step("usage", "Usage", "estimated", phase=6, detail=SENSELESS)
    complete(exchange, inference, result)
    if not is_whole and (came := _answered(result, inference)) > result.usage.output_tokens:
        result.usage = replace(result.usage, output_tokens=came, is_estimated=True)
    _price(target, result)


def complete(exchange: Exchange, inference: Inference, result: ChatResult) -> None:
    """Estimate ``result.usage`` where the provider did not say it, or what cannot be."""
    if not result.has_usage or result.usage.is_estimated:
        asked = _asked(exchange.chat, inference)
        result.usage = Usage(asked, _answered(result, inference), is_estimated=True)


def in_vain(
    exchange: Exchange, inference: Inference, target: Target, error: ProviderError
) -> ChatResult:
    """What a call used that brought no word: what its provider said until then, priced.

    Who hangs up has asked nevertheless: the question is estimated, else it would be free.
    """
    result = ChatResult(exchange.chat.dialect)
    if error.usage is not None and not error.usage.is_estimated:
        result.usage = error.usage
    elif error.kind == "cancelled":
        result.usage = Usage(_asked(exchange.chat, inference), is_estimated=True)
    _price(target, result)
    return result


def _price(target: Target, result: ChatResult) -> None:
    """At the price that the plan knows: the model may be gone by now."""
    result.cost_usd = target.model.price(result.usage).quantize(SMALLEST_USD)
    result.price_version = target.model.price_version


def _asked(chat: ChatRequest, inference: Inference) -> int:
    """What passed as it came may be in words that only its provider can read."""
    try:
        messages = chat.conversation.messages
    except BadRequest:
        return 0
    return inference.estimate_tokens("\n".join(text_of(message.parts) for message in messages))


def _answered(result: ChatResult, inference: Inference) -> int:
    """Thoughts are paid for like words."""
    words = [part.text for part in result.parts if isinstance(part, Text | Thinking)]
    words += [call.arguments for call in result.tool_calls]
    return inference.estimate_tokens("".join(words))
