"""About how many tokens a request will take, so that limits can count it before it is made."""

from __future__ import annotations

import orjson

from hyperstrate.router.ports import Inference
from hyperstrate.router.worst import asked_tokens
from hyperstrate.shared.chat import ChatRequest
from hyperstrate.shared.errors import BadRequest
from hyperstrate.shared.rates import Expected

#: Tokens of an answer whose client sets no bound, and the most that is expected of any: agents ask
#: for the longest answer that a model can give, and get a short one.
USUAL_OUTPUT, MOST_OUTPUT = 1000, 4000


def expected(chat: ChatRequest, inference: Inference) -> Expected:
    """The question's tokens, and those of the answer that was asked for, within reason."""
    try:
        conversation = chat.conversation
    except BadRequest:
        words = orjson.dumps(chat.body).decode()
        return Expected(inference.estimate_tokens(words), USUAL_OUTPUT)
    question = asked_tokens(conversation, inference)
    if chat.operation != "chat":
        return Expected(question)
    bound = conversation.max_output_tokens
    answer = USUAL_OUTPUT if bound is None else min(max(0, bound), MOST_OUTPUT)
    return Expected(question, answer)
