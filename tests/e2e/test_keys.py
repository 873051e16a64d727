"""Keys over real processes: rotation within a second, and where a request came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gateway import Admin, Gateway, eventually, running
from tests.e2e.test_processes import SOON_S, Pair

HELLO: dict[str, Any] = {"model": "any", "messages": [{"role": "user", "content": "Say hello"}]}


@pytest.fixture(scope="module")
def pair(folder: Path, redis_url: str) -> Iterator[Pair]:
    with running(folder / "keys", WEB_CONCURRENCY="2", REDIS_URL=redis_url) as gateway:
        found = Pair(gateway)
        yield found
        found.close()


def test_both_processes_know_both_secrets_and_their_last_use_complaint_35(pair: Pair) -> None:
    router = pair.admin.router("rotated", pair.admin.model())
    body = {"name": "rotated", "routerId": router}
    made = pair.admin.call("POST", "/auth/virtual-keys", body)
    path, first = f"/auth/virtual-keys/{made['id']}", made["key"]
    assert pair.both_say(first, 200)

    rotated = pair.admin.call("POST", f"{path}/rotate", {"overlapMinutes": 60, "rotationId": "r1"})
    again = pair.admin.call("POST", f"{path}/rotate", {"overlapMinutes": 60, "rotationId": "r1"})

    second = rotated["key"]
    assert "key" not in again
    assert pair.both_say(first, 200)
    assert eventually(lambda: pair.both_say(second, 200), within_s=SOON_S)
    assert eventually(lambda: "lastUsedAt" in pair.admin.call("GET", path)["rotation"])
    uses = pair.admin.call("GET", path)["rotation"]
    assert uses["previousLastUsedAt"] >= uses["rotatedAt"]
    pair.admin.call("POST", f"{path}/finish-rotation")
    assert eventually(lambda: pair.both_say(first, 401), within_s=SOON_S)
    assert pair.both_say(second, 200)


def test_a_revoked_virtual_key_is_refused_by_both(pair: Pair) -> None:
    router = pair.admin.router("revoked", pair.admin.model())
    made = pair.admin.call("POST", "/auth/virtual-keys", {"name": "x", "routerId": router})
    path = f"/auth/virtual-keys/{made['id']}"
    assert pair.both_say(made["key"], 200)

    pair.admin.call("PATCH", path, {"isEnabled": False})
    assert eventually(lambda: pair.both_say(made["key"], 401), within_s=SOON_S)
    pair.admin.call("PATCH", path, {"isEnabled": True, "deniedModels": ["*"]})
    assert eventually(lambda: pair.both_say(made["key"], 403), within_s=SOON_S)
    pair.admin.call("DELETE", path)
    assert eventually(lambda: pair.both_say(made["key"], 401), within_s=SOON_S)


class From:
    """A key of one network, sent with whatever X-Forwarded-For."""

    def __init__(self, gateway: Gateway) -> None:
        admin = Admin(gateway)
        admin.set_up()
        self.gateway = gateway
        self.router = admin.router("networked", admin.model())
        body = {"name": "x", "scope": "global", "allowedNetworks": ["203.0.113.0/24"]}
        self.key = admin.call("POST", "/auth/api-keys", body)["key"]

    def status(self, forwarded: str) -> int:
        headers = {"Authorization": f"Bearer {self.key}"}
        if forwarded:
            headers["X-Forwarded-For"] = forwarded
        path = f"/router/{self.router}/v1/chat/completions"
        return int(self.gateway.request("POST", path, HELLO, headers)[0])


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [
        (0, {"": 403, "203.0.113.7": 403}),
        (
            1,
            {
                "": 403,
                "203.0.113.7": 200,
                "198.51.100.1": 403,
                "203.0.113.7, 198.51.100.1": 403,
                "198.51.100.1, 203.0.113.7": 200,
                "nonsense": 403,
            },
        ),
    ],
    ids=["nobody is believed", "one proxy is believed"],
)
def test_only_a_trusted_proxy_says_where_a_request_came_from(
    tmp_path: Path, proxies: int, expected: dict[str, int]
) -> None:
    with running(tmp_path, TRUSTED_PROXIES=str(proxies)) as gateway:
        client = From(gateway)

        found = {forwarded: client.status(forwarded) for forwarded in expected}

    assert found == expected
