from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperstrate.ai.providers.openai import FAMILY, OpenAI
from hyperstrate.router.wires.native import Native
from hyperstrate.router.wires.openai_embeddings import OpenAIEmbeddings
from hyperstrate.shared.chat import ChatRequest, Json, Text, ToolChoice
from hyperstrate.shared.errors import ProviderError
from tests.openai_calls import read, registration, same_meaning

PROVIDERS = {provider.name: provider for provider in FAMILY}
HI: list[Json] = [{"role": "user", "content": "Hi"}]


def ask(**fields: Any) -> ChatRequest:
    return read({"model": "support", "messages": HI, **fields})


def sent(chat: ChatRequest, name: str = "OPENAI", model: str = "gpt-5") -> tuple[Json, list[str]]:
    call = PROVIDERS[name].request(chat, registration(name, model))
    body: Json = orjson.loads(call.body)
    return body, list(call.dropped)


def test_asks_with_the_key_and_the_clients_headers() -> None:
    chat = ask(stream=True)
    chat.headers = {"openai-beta": "x=1"}

    call = OpenAI("OPENAI").request(chat, registration(extra_headers={"X-Org": "7"}))

    assert (call.method, call.url) == ("POST", "https://api.test/v1/chat/completions")
    assert call.headers == {
        "content-type": "application/json",
        "accept": "text/event-stream",
        "openai-beta": "x=1",
        "authorization": "Bearer sk-test",
        "x-org": "7",
    }


def test_a_server_without_a_key_is_asked_without_one() -> None:
    call = PROVIDERS["OLLAMA"].request(ask(), registration(api_key=""))

    assert "authorization" not in call.headers


@pytest.mark.parametrize(
    ("name", "base_url", "secret", "url"),
    [
        ("OPENAI", "https://a.test", "", "https://a.test/v1/chat/completions"),
        ("OPENAI", "https://a.test/v1/", "", "https://a.test/v1/chat/completions"),
        ("GROQ", "https://a.test", "", "https://a.test/openai/v1/chat/completions"),
        ("PERPLEXITY", "https://a.test", "", "https://a.test/chat/completions"),
        ("VLLM", "http://a.test/x?y=1", "", "http://a.test/x/chat/completions?y=1"),
        ("AZURE_OPENAI", "https://a.test", "", "https://a.test/openai/deployments/gpt%2F5/chat/completions?api-version=2024-10-21"),
        ("AZURE_OPENAI", "https://a.test/d/x", "2025-01-01", "https://a.test/d/x/chat/completions?api-version=2025-01-01"),
        ("AZURE_OPENAI", "https://a.test/openai/v1", "", "https://a.test/openai/v1/chat/completions"),
    ],
)  # fmt: skip
def test_knows_where_to_ask(name: str, base_url: str, secret: str, url: str) -> None:
    model = registration(name, "gpt/5", base_url=base_url, api_secret=secret)

    assert PROVIDERS[name].request(ask(), model).url == url


def test_azure_takes_its_key_in_a_header_of_its_own() -> None:
    call = PROVIDERS["AZURE_OPENAI"].request(ask(stream=True), registration("AZURE_OPENAI"))

    assert call.headers["api-key"] == "sk-test"
    assert "authorization" not in call.headers


def test_a_stream_is_always_asked_for_its_usage() -> None:
    body, _ = sent(ask(stream=True, stream_options={"include_obfuscation": False}))

    assert body["stream_options"] == {"include_obfuscation": False, "include_usage": True}


def test_who_is_not_streamed_to_is_not_streamed_from() -> None:
    chat = ask(stream=True, stream_options={"include_usage": True})
    chat.stream = False

    body, _ = sent(chat)

    assert body["stream"] is False
    assert "stream_options" not in body


def test_mistral_gets_its_own_names_and_nothing_that_it_refuses() -> None:
    chat = ask(stream=True, max_completion_tokens=9, seed=7, user="ann", logprobs=True, top_p=1)

    body, dropped = sent(chat, "MISTRAL", "m")

    assert body == {
        "model": "m",
        "messages": HI,
        "stream": True,
        "max_tokens": 9,
        "random_seed": 7,
        "top_p": 1,
    }
    assert sorted(dropped) == ["logprobs", "user"]


def test_mistral_gets_ids_of_tool_calls_that_it_takes() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "It is"}
    chat = ask(messages=[*HI, {"role": "assistant", "tool_calls": [call]}, result])

    (_, turn, answer), kept = sent(chat, "MISTRAL")[0]["messages"], sent(chat)[0]["messages"]

    assert len(turn["tool_calls"][0]["id"]) == 9
    assert turn["tool_calls"][0]["id"] == answer["tool_call_id"]
    assert kept[2] == result


def test_thoughts_go_back_only_to_those_who_read_them() -> None:
    turn = {"role": "assistant", "content": "Yes", "reasoning_content": "Hm", "name": "bot"}
    chat = ask(messages=[*HI, turn, *HI])

    to_openai, lost = sent(chat)
    to_deepseek, kept = sent(chat, "DEEPSEEK")

    assert to_openai["messages"][1] == {"role": "assistant", "content": "Yes", "name": "bot"}
    assert lost == ["thinking"]
    assert to_deepseek["messages"][1] == turn
    assert kept == []
    assert chat.body["messages"][1] is turn


def test_groq_gets_no_names() -> None:
    chat = ask(messages=[{"role": "user", "content": "Hi", "name": "ann"}], logprobs=True)

    body, dropped = sent(chat, "GROQ")

    assert body["messages"] == HI
    assert sorted(dropped) == ["logprobs", "name"]


SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "temperature": st.floats(0, 2) | st.none(),
    "top_p": st.floats(0, 1),
    "top_k": st.integers(1, 50),
    "max_tokens": st.integers(1, 99) | st.none(),
    "max_completion_tokens": st.integers(1, 99),
    "stop": st.text(max_size=3) | st.lists(st.text(max_size=3), max_size=3) | st.none(),
    "seed": st.integers(-9, 9),
    "user": st.text(max_size=3),
    "reasoning_effort": st.sampled_from(["none", "low", "high"]),
    "n": st.just(2),
    "logit_bias": st.just({"1": 2}),
    "metadata": st.just({"a": "b"}),
    "prediction": st.just({"type": "content", "content": "x"}),
    "response_format": st.sampled_from(
        [
            {"type": "text"},
            {"type": "json_object"},
            {"type": "grammar", "grammar": "x"},
            {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
            {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": {}, "strict": False, "description": "d"},
            },
            {"type": "json_schema", "json_schema": {"name": "a", "schema": {}, "x": 1}},
            {"type": "json_schema", "json_schema": {"name": "a", "schema": {}, "strict": None}},
        ]
    ),
    "unknown_field": st.just({"deep": [1, None]}),
}
TOOLS = st.sampled_from(
    [
        {"type": "function", "function": {"name": "a"}},
        {"function": {"name": "a", "description": "", "parameters": {}}},
        {"type": "function", "function": {"name": "a", "description": "d", "strict": None}},
        {
            "type": "function",
            "function": {"name": "a", "parameters": {"type": "object"}, "strict": True, "x": 1},
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "custom", "custom": {"name": "sql"}},
    ]
)
CHOICES = st.sampled_from(
    [
        {},
        {"tool_choice": "auto"},
        {"tool_choice": "none"},
        {"tool_choice": "any"},
        {"tool_choice": "required", "parallel_tool_calls": False},
        {"tool_choice": "auto", "parallel_tool_calls": True},
        {"parallel_tool_calls": False},
        {"tool_choice": {"type": "function", "function": {"name": "a"}}},
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}},
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries({}, optional=SCALARS), st.lists(TOOLS, max_size=3), CHOICES)
def test_a_rewritten_request_keeps_every_field(fields: Json, tools: list[Json], say: Json) -> None:
    chosen = {**fields, "tools": tools, **say} if tools else fields
    chat = ask(**chosen)
    chat.edit()

    body, dropped = sent(chat, "VLLM")

    assert same_meaning(body) == same_meaning(chat.body)
    assert {key for key, value in chat.body.items() if value is None} <= body.keys()
    assert dropped == []


def test_a_stages_changes_are_what_goes_out() -> None:
    chat = ask(
        max_tokens=9, stop="END", tools=[{"type": "function", "function": {"name": "a"}}],
        tool_choice="any",
    )  # fmt: skip
    conversation = chat.edit()
    conversation.messages[0].parts = [Text("***")]
    conversation.set_system("Be brief.")
    conversation.max_output_tokens, conversation.stop = 5, ["STOP"]
    conversation.tool_choice = ToolChoice("none")

    body, _ = sent(chat, model="gpt-x")

    assert body == {
        "model": "gpt-x",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "***"},
        ],
        "max_tokens": 5,
        "stop": ["STOP"],
        "tools": [{"type": "function", "function": {"name": "a"}}],
        "tool_choice": "none",
    }


def test_our_own_api_is_told_in_openais_words() -> None:
    options = {"max_tokens": 9, "presence_penalty": 1, "session_id": "s"}
    chat = Native().read({"fields": {"prompt": "Hi"}, "options": options}).chat
    chat.stream = True

    body, dropped = sent(chat)

    assert body == {
        "model": "gpt-5",
        "messages": HI,
        "max_completion_tokens": 9,
        "presence_penalty": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert dropped == []


def test_masked_embeddings_go_out_masked() -> None:
    chat = OpenAIEmbeddings().read({"input": ["a", "b"], "dimensions": 8}).chat
    chat.edit().messages[1].parts = [Text("***")]

    body, _ = sent(chat)

    assert body == {"model": "gpt-5", "input": ["a", "***"], "dimensions": 8}


def test_embeddings_of_another_dialect_are_refused() -> None:
    chat = ask()
    chat.operation = "embeddings"

    with pytest.raises(ProviderError) as caught:
        sent(chat)

    assert caught.value.kind == "unsupported"
