"""Addresses, headers, templates and bodies that the admin's API must refuse, and write nothing."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from tests.e2e.site import BROKEN, CHAT, STRANGE_IDS, Site
from tests.upstreams import Provider

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

    status, said = site.rest(
        "PUT", f"/ai/models/{configured}/configuration", {"baseUrl": url, "apiKey": "k"}
    )

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
    status, said = site.rest(
        "PUT", f"/ai/models/{configured}/configuration", {"extraHeaders": headers}
    )

    assert status == 400
    assert next(iter(said["fields"])).startswith("extraHeaders")


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

    status, said = site.rest("POST", "/prompts", {"name": "Broken", "content": content})

    assert status == 400
    assert "placeholder" in json.dumps(said)
    assert site.admin.call("GET", "/prompts")["meta"]["total"] == before


REST = ["/router", "/prompts", "/ai/models", "/auth/api-keys", "/auth/teams"]


@pytest.mark.parametrize("path", REST)
def test_rest_refuses_what_is_no_object_and_writes_nothing(site: Site, path: str) -> None:
    before = site.admin.call("GET", path)
    for name, body in {**BROKEN, "20 MB": b'"' + b"x" * (20 * 2**20) + b'"'}.items():
        status, said = site.rest("POST", path, body)

        assert 400 <= status < 500, name
        assert said["error"], name
    assert site.admin.call("GET", path) == before


@pytest.mark.parametrize("path", ["/router/{}", "/prompts/{}", "/ai/models/{}", "/auth/teams/{}"])
def test_rest_refuses_strange_ids(site: Site, path: str) -> None:
    for strange in STRANGE_IDS:
        status, said = site.rest("GET", path.format(strange))

        assert status in (400, 404), strange
        assert said["error"]
