from __future__ import annotations

from typing import Any

import pytest

from hyperstrate.router.wires.openai_embeddings import OpenAIEmbeddings
from hyperstrate.shared.chat import ChatResult, Dialect
from hyperstrate.shared.errors import BadRequest, ProviderError
from tests.openai_calls import exchange


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("one", ["one"]),
        (["one", "two"], ["one", "two"]),
        ([1, 2, 3], []),
        ([[1, 2], [3]], []),
    ],
)
def test_reads_each_text_as_a_message_and_lets_tokens_pass(given: Any, texts: list[str]) -> None:
    body = {"model": "m", "input": given, "encoding_format": "base64", "dimensions": 8}

    inquiry = OpenAIEmbeddings().read(body)

    assert inquiry.chat.body is body
    assert inquiry.chat.operation == "embeddings"
    assert [message.text for message in inquiry.chat.conversation.messages] == texts


@pytest.mark.parametrize("given", [None, "", [], 7, {}, ["a", 1], [None], [1.5], [True]])
def test_refuses_what_is_no_input(given: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        OpenAIEmbeddings().read({"model": "m", "input": given})

    assert list(caught.value.fields) == ["input"]


def test_an_answer_passes_as_it_came() -> None:
    chat = OpenAIEmbeddings().read({"input": "x"}).chat
    result = ChatResult(Dialect.OPENAI_EMBEDDINGS, raw=b'{"data": [] }', body={"data": []})

    untouched = OpenAIEmbeddings().result(exchange(chat), result)
    result.raw = None

    assert untouched == b'{"data": [] }'
    assert OpenAIEmbeddings().result(exchange(chat), result) == b'{"data":[]}'


def test_a_providers_error_is_given_whole() -> None:
    error = ProviderError(
        "no", kind="not_found", body=b'{"error":{"message":"no"}}', dialect=Dialect.OPENAI_CHAT
    )

    reply = OpenAIEmbeddings().error(error, "req_1")

    assert (reply.status, reply.body) == (404, b'{"error":{"message":"no"}}')
