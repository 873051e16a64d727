"""Junk in the fields that every client knows: answered or refused, never a failure of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import answers
from tests.e2e.site import CHAT, EMBED, INFER, MESSAGE, MESSAGES, Site, nested
from tests.upstreams import Answer, Provider, Request

JUNK_TEXT = st.sampled_from(
    ["", "user", "system", "tool", "assistant", "text", "image_url", "tool_use", "tool_result",
     "function", "auto", "json_schema", "thinking", "a\0b", "\u2028", "{{x}}", "x" * 300]
)  # fmt: skip
JUNK_KEYS = st.sampled_from(
    ["role", "content", "type", "text", "name", "id", "function", "arguments", "input", "source",
     "data", "url", "image_url", "tool_calls", "tool_call_id", "tool_use_id", "schema",
     "json_schema", "input_schema", "parameters", "media_type", "cache_control", "budget_tokens",
     "include_usage", "effort", "thinking", "signature"]
)  # fmt: skip
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, -1, 1, 2**31, 2**63, -(2**64), 10**40, 1.5, -0.0, 1e308])
    | JUNK_TEXT
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(JUNK_KEYS | JUNK_TEXT, inner, max_size=4)
    ),
    max_leaves=12,
)
OPENAI_FIELDS = [
    "model", "messages", "stream", "stream_options", "temperature", "top_p", "n", "stop",
    "max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty", "logit_bias",
    "user", "seed", "tools", "tool_choice", "parallel_tool_calls", "response_format",
    "reasoning_effort", "metadata", "logprobs", "top_logprobs", "functions", "function_call",
    "modalities", "prediction", "store",
]  # fmt: skip
ANTHROPIC_FIELDS = [
    "model", "messages", "stream", "max_tokens", "system", "temperature", "top_p", "top_k",
    "stop_sequences", "tools", "tool_choice", "thinking", "metadata", "output_config",
    "output_format", "service_tier", "container", "mcp_servers", "context_management",
]  # fmt: skip
NATIVE_FIELDS = ["fields", "options", "history", "bypassCache", "modelId", "messages"]
JUNK_MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", "system", "tool", "developer", "x"])},
        optional={
            "content": JUNK | st.lists(st.dictionaries(JUNK_KEYS, JUNK, max_size=5), max_size=3),
            "tool_calls": st.lists(st.dictionaries(JUNK_KEYS, JUNK, max_size=4), max_size=2),
            "tool_call_id": JUNK,
        },
    ),
    min_size=1,
    max_size=4,
)


def junk_body(right: dict[str, Any], names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """``right`` with some of the known fields replaced."""
    replaced: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
        st.sampled_from(names), JUNK, min_size=1, max_size=3
    )
    if "messages" in right:
        replaced |= JUNK_MESSAGES.map(lambda messages: {"messages": messages})
    return replaced.map(lambda junk: {**right, **junk})


@pytest.fixture(scope="module")
def translated(site: Site) -> Iterator[dict[str, str]]:
    """Paths of routers whose providers speak OpenAI's dialect and Anthropic's."""
    with Provider() as provider:
        provider.always(_willing)
        url = provider.url.replace("127.0.0.1", "localhost")
        found = {}
        for name, definition in (
            ("gpt", "chatgpt/gpt-4o"),
            ("claude", "anthropic/claude-sonnet-4-5"),
        ):
            model = site.admin.model(definition, baseUrl=url, apiKey="k")
            found[name] = f"/router/{site.admin.router(name, model)}"
        yield found


def _willing(request: Request) -> Answer:
    """A provider that finds nothing wrong with any request."""
    is_stream = request.json.get("stream") is True
    if request.path.endswith("/messages"):
        return answers.anthropic_stream("Hello") if is_stream else answers.anthropic()
    return answers.openai_stream("Hello") if is_stream else answers.openai()


QUIETLY = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("provider", ["gpt", "claude"])
@pytest.mark.parametrize("dialect", ["openai", "anthropic", "native"])
def test_junk_in_known_fields_is_answered_or_refused(
    site: Site, translated: dict[str, str], provider: str, dialect: str
) -> None:
    rest, right, names = {
        "openai": ("/v1/chat/completions", CHAT, OPENAI_FIELDS),
        "anthropic": ("/v1/messages", MESSAGE, ANTHROPIC_FIELDS),
        "native": ("/infer", INFER, NATIVE_FIELDS),
    }[dialect]

    @QUIETLY
    @given(body=junk_body(right, names))
    def junk(body: dict[str, Any]) -> None:
        status, headers, content = site.send(translated[provider] + rest, body)

        assert status == 200 or 400 <= status < 500, content
        if headers["content-type"].startswith("text/event-stream"):
            assert content.endswith((b"data: [DONE]\n\n", b'{"type":"message_stop"}\n\n'))
        else:
            assert json.loads(content)

    junk()


def test_junk_in_embeddings_is_answered_or_refused(site: Site) -> None:
    names = ["model", "input", "encoding_format", "dimensions", "user", "messages", "stream"]

    @QUIETLY
    @given(body=junk_body(EMBED, names))
    def junk(body: dict[str, Any]) -> None:
        status, _, content = site.send("/router/{router}/v1/embeddings", body)

        assert status == 200 or 400 <= status < 500, content

    junk()


def test_tool_arguments_nested_beyond_measure_are_no_failure_of_ours(
    site: Site, translated: dict[str, str]
) -> None:
    call = {"name": "f", "arguments": nested(500).decode()}
    asked = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": call}]}
    told = {"role": "tool", "tool_call_id": "c", "content": "x"}

    status, _, content = site.send(
        translated["claude"] + "/v1/chat/completions",
        {**CHAT, "messages": [*MESSAGES, asked, told]},
    )

    assert status == 200 or 400 <= status < 500, content


def test_nothing_that_was_refused_is_in_the_log_as_answered_and_the_server_is_well(
    site: Site,
) -> None:
    site.gateway.drain()

    counts = dict(
        site.gateway.rows(
            "SELECT status, count(*) FROM inference_logs WHERE http_status BETWEEN 400 AND 499"
            " GROUP BY status"
        )
    )

    assert set(counts) <= {"error"}
    assert b"Traceback" not in site.gateway.log.read_bytes()
