"""Bad input over every path: a 4xx in the path's dialect that says what is wrong, and nothing else.

The installation is one of its own on PostgreSQL, which refuses more than SQLite does.
"""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from anthropic import Anthropic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import OpenAI

from tests import answers, servers
from tests.e2e.gateway import Admin, Gateway, running
from tests.upstreams import Answer, Provider, Request

ROUTER_NAME = "bad-input"
MAX_BODY_BYTES = 16 * 2**20
MESSAGES: list[Any] = [{"role": "user", "content": "Say hello"}]
CHAT: dict[str, Any] = {"model": ROUTER_NAME, "messages": MESSAGES}
MESSAGE: dict[str, Any] = {**CHAT, "max_tokens": 100}
EMBED: dict[str, Any] = {"model": ROUTER_NAME, "input": "Hello"}
INFER: dict[str, Any] = {"fields": {"prompt": "Say hello"}}
# Every inference path, and what is right there.
RIGHT: dict[str, dict[str, Any]] = {
    "/router/{router}/v1/chat/completions": CHAT,
    "/router/{router}/v1/messages": MESSAGE,
    "/router/{router}/v1/embeddings": EMBED,
    "/router/{router}/infer": INFER,
    "/router/{router}/infer/stream": INFER,
    "/proxy/router/{router}/chat/completions": CHAT,
    "/proxy/router/{router}/v1/messages": MESSAGE,
    "/proxy/router/{router}/infer": INFER,
    "/proxy/ai/{model}/v1/chat/completions": CHAT,
    "/proxy/ai/{model}/messages": MESSAGE,
    "/ai/infer": {**INFER, "modelId": "{model}"},
    "/ai/infer/stream": {**INFER, "modelId": "{model}"},
    "/v1/chat/completions": CHAT,
    "/v1/messages": MESSAGE,
    "/v1/embeddings": EMBED,
}
PATHS = pytest.mark.parametrize("path", RIGHT)


class Site:
    """The installation, one router on it over DUMMY, and a key that opens everything."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.admin = Admin(gateway)
        self.admin.set_up()
        self.model = self.admin.model("dummy")
        self.router = self.admin.router(ROUTER_NAME, self.model)
        self.key = self.admin.key()

    def filled(self, template: str) -> str:
        return template.replace("{router}", self.router).replace("{model}", self.model)

    def right(self, path: str) -> dict[str, Any]:
        """A body that is right at ``path``."""
        found: dict[str, Any] = json.loads(self.filled(json.dumps(RIGHT[path])))
        return found

    def send(
        self, path: str, body: Any, method: str = "POST", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        given = {"Authorization": f"Bearer {self.key}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.gateway.request(method, self.filled(path), body, given)

    def refused(self, path: str, body: Any, method: str = "POST", **headers: str) -> Refusal:
        """The refusal of a request, in the dialect of its path."""
        status, given, content = self.send(path, body, method, **headers)
        said = json.loads(content)
        assert 400 <= status < 500, content
        assert given["content-type"] == "application/json"
        assert "x-hyperstrate-request-id" in given
        if "messages" in path:
            assert said["type"] == "error"
            return Refusal(status, said["error"]["type"], said["error"]["message"], given)
        if "infer" in path:
            return Refusal(status, "", said["error"], given)
        return Refusal(status, said["error"]["type"], said["error"]["message"], given)


class Refusal:
    def __init__(self, status: int, kind: str, message: str, headers: dict[str, str]) -> None:
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = headers


@pytest.fixture(scope="module")
def site(folder: Path, postgres_uri: str) -> Iterator[Site]:
    with (
        servers.fresh_database(postgres_uri) as database,
        running(
            folder / "bad-input",
            DATABASE_DSN=database,
            ALLOW_PRIVATE_UPSTREAMS="localhost",
            MAX_BODY_BYTES=str(MAX_BODY_BYTES),
        ) as gateway,
    ):
        yield Site(gateway)


@PATHS
def test_what_is_right_is_answered(site: Site, path: str) -> None:
    status, _, content = site.send(path, site.right(path))

    assert status == 200
    assert b"hello" in content or b"embedding" in content


def nested(depth: int, opening: str = '{"a":', closing: str = "}") -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"hello",
    "half": b'{"messages": [{"role": "user", "con',
    "a list": b"[]",
    "a number": b"42",
    "null": b"null",
    "NaN": b'{"temperature": NaN}',
    "infinity": b'{"temperature": 1e999}',
    "half a surrogate pair": rb'{"model": "\ud800"}',
    "invalid UTF-8": b'{"model": "\xff\xfe"}',
    "UTF-16": '{"model": "x"}'.encode("utf-16"),
    "a form": b"model=x&messages=y",
    "depth that no reader takes": nested(100_000),
    "depth that no writer takes": nested(400),
    "lists without end": b"[" * 1_000_000,
}


@PATHS
def test_a_body_that_is_no_json_object_is_a_400_that_says_so(site: Site, path: str) -> None:
    for name, body in BROKEN.items():
        refusal = site.refused(path, body)

        assert refusal.status == 400, name
        assert "request body" in refusal.message, name


@PATHS
def test_depth_inside_a_good_body_is_refused_or_answered(site: Site, path: str) -> None:
    right = json.dumps(site.right(path)).encode()
    for depth in (150, 199, 230, 300, 1000):
        body = b'{"metadata": ' + nested(depth) + b", " + right[1:]
        status, _, content = site.send(path, body)

        assert status in (200, 400), (depth, content)


@PATHS
def test_a_compressed_body_is_named(site: Site, path: str) -> None:
    body = gzip.compress(json.dumps(site.right(path)).encode())

    refusal = site.refused(path, body, Content_Encoding="gzip")

    assert refusal.status == 415
    assert "gzip" in refusal.message


@PATHS
def test_the_content_type_does_not_matter(site: Site, path: str) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "nonsense"):
        status, _, _ = site.send(path, site.right(path), Content_Type=kind)

        assert status == 200, kind


@PATHS
def test_a_body_of_20_mb_is_a_413_and_the_client_reads_it(site: Site, path: str) -> None:
    body = json.dumps({**site.right(path), "padding": "x" * (20 * 2**20)}).encode()

    refusal = site.refused(path, body)

    assert refusal.status == 413
    assert "MAX_BODY_BYTES" in refusal.message


def test_a_chunked_body_of_20_mb_is_a_413_too(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.gateway.port, timeout=30)
    headers = {"Authorization": f"Bearer {site.key}", "Transfer-Encoding": "chunked"}
    blocks = (b"x" * 65536 for _ in range(20 * 16))
    try:
        connection.request("POST", "/v1/chat/completions", blocks, headers, encode_chunked=True)
        response = connection.getresponse()
        status = response.status
        response.read()
    finally:
        connection.close()

    assert status == 413


def test_the_sdks_read_a_413_while_they_still_send(site: Site) -> None:
    huge: Any = [{"role": "user", "content": "x" * (20 * 2**20)}]
    with (
        OpenAI(base_url=f"{site.gateway.url}/v1", api_key=site.key, max_retries=0) as client,
        pytest.raises(openai.APIStatusError) as refused,
    ):
        client.chat.completions.create(model=ROUTER_NAME, messages=huge)
    with (
        Anthropic(base_url=site.gateway.url, api_key=site.key, max_retries=0) as other,
        pytest.raises(anthropic.APIStatusError) as also_refused,
    ):
        other.messages.create(model=ROUTER_NAME, max_tokens=9, messages=huge)

    assert refused.value.status_code == also_refused.value.status_code == 413


def test_10000_messages_are_refused_by_number(site: Site) -> None:
    for path, body in RIGHT.items():
        if "messages" not in body:
            continue
        refusal = site.refused(path, {**body, "messages": MESSAGES * 10_000})

        assert refusal.status == 400
        assert "MAX_MESSAGES" in refusal.message
    turns = [{"role": "user", "content": "x"}] * 10_000
    for path in ("/router/{router}/infer", "/router/{router}/infer/stream"):
        assert "MAX_MESSAGES" in site.refused(path, {**INFER, "history": turns}).message


@PATHS
def test_the_last_of_two_equal_keys_counts(site: Site, path: str) -> None:
    body = json.dumps(site.right(path))
    doubled = '{"messages": 1, "fields": 2, "input": 3, ' + body[1:]

    assert site.send(path, doubled.encode())[0] == 200


STRANGE_IDS = ["x" * 300, "x", "%00", "a%00b", "%ff%fe", "%20", "'", "rtr_%0d%0aX-Y:1"]


@pytest.mark.parametrize("place", ["router", "proxy/router", "proxy/ai"])
@pytest.mark.parametrize("rest", ["v1/chat/completions", "v1/messages", "v1/models"])
def test_an_unknown_id_is_refused_in_the_dialect(site: Site, place: str, rest: str) -> None:
    for strange in STRANGE_IDS:
        method = "GET" if rest == "v1/models" else "POST"
        refusal = site.refused(f"/{place}/{strange}/{rest}", MESSAGE, method)

        assert refusal.status in (400, 404), strange
        assert refusal.message


@pytest.mark.parametrize("model", ["no such", "x" * 300, "a\0b", "\u202e", "'; --", ""])
def test_an_unknown_model_name_is_refused_in_the_dialect(site: Site, model: str) -> None:
    for path in ("/v1/chat/completions", "/v1/messages", "/v1/embeddings"):
        refusal = site.refused(path, {**RIGHT[path], "model": model})

        assert refusal.status in (400, 404)
    for path in ("/ai/infer", "/ai/infer/stream"):
        assert site.refused(path, {**INFER, "modelId": model}).status in (400, 404)


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Basic YTpi", "Bearer hs_x", "Bearer \xff\xfe", "x" * 5000]
)
def test_a_strange_credential_is_a_401_or_a_400(site: Site, header: str) -> None:
    for path in RIGHT:
        refusal = site.refused(path, site.right(path), Authorization=header)

        assert refusal.status == 401, path


@PATHS
def test_another_method_is_a_405_that_names_the_right_one(site: Site, path: str) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        refusal = site.refused(path, None, method)

        assert refusal.status == 405, method
        assert refusal.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "rest",
    ["", "v1", "v1/", "v1/chat", "chat/completions/x", "v1/v1/v1/messages", "v1/responses",
     "infer/x", "v1//messages", "%2e%2e/messages", "..%2f../v1/messages", "x" * 300],
)  # fmt: skip
def test_an_unknown_path_is_a_404_or_405_in_json(site: Site, rest: str) -> None:
    for place in ("router/{router}", "proxy/router/{router}", "proxy/ai/{model}"):
        for method in ("POST", "GET", "DELETE"):
            status, headers, content = site.send(f"/{place}/{rest}", MESSAGE, method)

            assert status in (308, 404, 405), (place, rest, content)
            if status != 308:
                assert headers["content-type"] == "application/json"
                assert json.loads(content)["error"]


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


INSIDE = [
    "http://169.254.169.254/latest/meta-data", "http://2852039166/", "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/", "http://[fd00:ec2::254]/", "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/", "http://100.100.100.200/", "http://168.63.129.16/",
    "http://10.0.0.1/v1", "http://192.168.1.1/v1", "http://172.16.0.1/v1", "http://127.0.0.1/v1",
    "http://[::1]/v1", "http://[::ffff:10.0.0.1]/v1", "http://0/", "http://127.1/",
    "http://0.0.0.0/", "http://[fe80::1]/",
]  # fmt: skip
NO_ADDRESS = [
    "x", "ftp://example.com", "file:///etc/passwd", "//example.com", "http://",
    "http://user:password@example.com", "http://exa mple.com", "http://example.com\r\nX-Y: 1",
    "http://10.0.0.1\\@example.com", "http://example.com:99999", "http://example.com/#x",
    "https://" + "x" * 3000, "http://[::1", "http://ex\0ample.com",
]  # fmt: skip


@pytest.fixture(scope="module")
def configured(site: Site) -> str:
    """A configured model that nobody calls."""
    return site.admin.model("chatgpt/gpt-4o", baseUrl="https://example.com/v1", apiKey="k")


@pytest.mark.parametrize("url", [*INSIDE, *NO_ADDRESS])
def test_an_address_that_may_not_be_called_is_refused_when_it_is_configured(
    site: Site, configured: str, url: str
) -> None:
    before = site.admin.call("GET", f"/ai/models/{configured}/configuration")

    status, said = _put(site, configured, {"baseUrl": url, "apiKey": "k"})

    assert status == 400
    assert list(said["fields"]) == ["baseUrl"]
    assert site.admin.call("GET", f"/ai/models/{configured}/configuration") == before


@pytest.mark.parametrize(
    "headers",
    [{"X-A": "1\r\nX-B: 2"}, {"X-A\r\nX-B": "1"}, {"X-A": "a\0"}, {"X A": "1"}, {"": "1"},
     {"Host": "x"}, {"Content-Length": "1"}, {"X-A": "\u00e9\u4e2d"}, {"X-A": 5}, {"X-A": None},
     [], "X-A: 1"],
)  # fmt: skip
def test_a_header_that_is_none_is_refused_when_it_is_configured(
    site: Site, configured: str, headers: Any
) -> None:
    status, said = _put(site, configured, {"extraHeaders": headers})

    assert status == 400
    assert next(iter(said["fields"])).startswith("extraHeaders")


def _put(site: Site, model: str, body: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {site.admin.token}"}
    path = f"/ai/models/{model}/configuration"
    status, _, content = site.gateway.request("PUT", path, body, headers)
    return status, json.loads(content)


def test_a_name_that_leads_inside_is_refused_when_it_is_connected_to(site: Site) -> None:
    name = socket.gethostname()
    address = socket.gethostbyname(name)
    assert address.startswith(("127.", "10.", "172.", "192.168.")), address
    with Provider() as provider:
        model = site.admin.model(
            "chatgpt/gpt-4o", baseUrl=f"http://{name}:{provider.port}/v1", apiKey="k"
        )
        router = site.admin.router("leads-inside", model)

        status, _, content = site.send(f"/router/{router}/v1/chat/completions", CHAT)

        assert status == 502
        assert "inside the network" in json.loads(content)["error"]["message"]
        assert not provider.connections


@pytest.mark.parametrize("content", ["{{", "Hello {{name", "{{a b}}", "{{}}", "{{{x}}", "{{a-b}}"])
def test_a_template_with_a_broken_placeholder_is_refused(site: Site, content: str) -> None:
    before = site.admin.call("GET", "/prompts")["meta"]["total"]

    status, said = _post(site, "/prompts", {"name": "Broken", "content": content})

    assert status == 400
    assert "placeholder" in json.dumps(said)
    assert site.admin.call("GET", "/prompts")["meta"]["total"] == before


REST = ["/router", "/prompts", "/ai/models", "/auth/api-keys", "/auth/teams"]


@pytest.mark.parametrize("path", REST)
def test_rest_refuses_what_is_no_object_and_writes_nothing(site: Site, path: str) -> None:
    before = site.admin.call("GET", path)
    for name, body in {**BROKEN, "20 MB": b'"' + b"x" * (20 * 2**20) + b'"'}.items():
        status, said = _post(site, path, body)

        assert 400 <= status < 500, name
        assert said["error"], name
    assert site.admin.call("GET", path) == before


@pytest.mark.parametrize("path", ["/router/{}", "/prompts/{}", "/ai/models/{}", "/auth/teams/{}"])
def test_rest_refuses_strange_ids(site: Site, path: str) -> None:
    headers = {"Authorization": f"Bearer {site.admin.token}"}
    for strange in STRANGE_IDS:
        status, _, content = site.gateway.request("GET", path.format(strange), headers=headers)

        assert status in (400, 404), strange
        assert json.loads(content)["error"]


def _post(site: Site, path: str, body: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {site.admin.token}"}
    status, _, content = site.gateway.request("POST", path, body, headers)
    return status, json.loads(content)


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
