"""Bodies, ids, names and methods that are wrong: a 4xx in the path's dialect that says so."""

from __future__ import annotations

import gzip
import http.client
import json
from typing import Any

import anthropic
import openai
import pytest
from anthropic import Anthropic
from openai import OpenAI

from tests.e2e.site import (
    BROKEN,
    INFER,
    MESSAGE,
    MESSAGES,
    RIGHT,
    ROUTER_NAME,
    STRANGE_IDS,
    Site,
    nested,
)

PATHS = pytest.mark.parametrize("path", RIGHT)


@PATHS
def test_what_is_right_is_answered(site: Site, path: str) -> None:
    status, _, content = site.send(path, site.right(path))

    assert status == 200
    assert b"hello" in content or b"embedding" in content


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


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/ai/infer/stream"])
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
