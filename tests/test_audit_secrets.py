"""No secret comes into the audit or the log: canaries through every write that takes or makes one.

Complaint 36 of the field (raw keys in audit rows, rejected keys echoed) and lesson d.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hyperstrate.observability.models import AuditLog
from hyperstrate.shared import logging
from hyperstrate.shared.db import session
from tests.people import PASSWORD, Browser, Client, Part, People

ClientAs = Callable[[Part | None], FlaskClient]
CANARY = "Canary"
NEW_PASSWORD = "CanaryNewPassword-1234"
MODEL = {
    "baseUrl": "http://127.0.0.1:9/?key=CanaryInAddress",
    "apiKey": "CanaryOpaqueProviderKey",
    "apiSecret": "CanaryProviderSecret",
    "apiKeyPool": ["CanaryPoolOne", "sk-CanaryPoolTwo"],
    "extraHeaders": {"X-Extra": "CanaryHeader"},
}
PROVIDER = {
    "type": "oidc",
    "name": "Okta",
    "issuer": "http://127.0.0.1:9",
    "clientId": "hyperstrate",
    "clientSecret": "CanaryClientSecret",
}


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged, from the lowest level on."""
    kept, sink = structlog.get_config(), io.StringIO()
    logging.configure("debug", as_json=True)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sink))
    yield sink
    structlog.configure(**kept)


@pytest.fixture
def admin(client_as: ClientAs) -> FlaskClient:
    return client_as("admin")


def audited() -> str:
    """All audit rows, as text."""
    session.rollback()
    columns = AuditLog.__table__.columns
    return "\n".join(map(repr, session.execute(select(*columns)).all()))


def made(answer: Any) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.get_json())


def write_models(admin: FlaskClient) -> None:
    body = {"modelDefinitionKey": "chatgpt/gpt-5", "configuration": MODEL}
    model = made(admin.post("/ai/models", json=body))
    address = f"/ai/models/{model['id']}/configuration"
    admin.put(address, json=MODEL)
    admin.put(address, json={**MODEL, "apiKey": "CanaryChangedKey"})
    admin.put(address, json={**MODEL, "baseUrl": "CanaryInTheWrongField"})
    admin.post(f"/ai/models/{model['id']}/test", json={})
    admin.delete(f"/ai/models/{model['id']}")


def write_providers(admin: FlaskClient) -> None:
    provider = made(admin.post("/auth/sso-providers", json=PROVIDER))
    address = f"/auth/sso-providers/{provider['id']}"
    admin.patch(address, json={"clientSecret": "CanaryChangedSecret"})
    admin.patch(address, json={"clientSecret": "Canary" * 1000})
    admin.post(f"{address}/test", json={})
    admin.delete(address)
    admin.post("/auth/oidc/exchange", json={"token": "eyJhbGci.eyJDYW5hcnki.CanarySignature"})


def write_keys(admin: FlaskClient, people: People) -> list[str]:
    """The secrets that were made."""
    body = {"name": "Key", "teamId": people.alice.team_id, "scope": "global"}
    key = made(admin.post("/auth/api-keys", json=body))
    rotated = made(admin.post(f"/auth/api-keys/{key['id']}/rotate", json={}))
    admin.delete(f"/auth/api-keys/{key['key']}")
    made_up = key["key"][:-4] + "0000"
    stranger = {"x-api-key": made_up}
    admin.delete("/auth/api-keys/akey_1", headers=stranger)
    return [key["key"], rotated["key"], made_up]


def write_people(app: Flask, admin: FlaskClient, people: People) -> list[str]:
    """The secrets that were made."""
    anybody = Client(app)
    invited = made(
        admin.post("/auth/invitations", json={"email": "dan@example.com", "role": "member"})
    )
    anybody.post("/auth/invitations/accept", json={"token": "CanaryToken", "password": "Canary"})
    accepted = {"token": invited["token"], "name": "Dan", "password": "CanaryPassword-of-Dan"}
    dan = made(anybody.post("/auth/invitations/accept", json=accepted))
    for account, password in (
        ("alice@example.com", "CanaryWrongPassword"),
        ("CanaryPasswordAsName", "CanaryWrongPassword"),
    ):
        anybody.post("/auth/login", json={"email": account, "password": password})
        browser = Browser(app)
        browser.get("/app/login")
        browser.post("/app/login", {"email": account, "password": password})
    anybody.post("/auth/setup", json={"setupToken": "CanarySetUp", "password": "CanarySetUp-1234"})
    changes = {"currentPassword": "CanaryNotIt", "newPassword": NEW_PASSWORD}
    admin.post("/auth/password", json=changes)
    signed = made(admin.post("/auth/password", json={**changes, "currentPassword": PASSWORD}))
    return [invited["token"], dan["token"], signed["token"], people.alice.token]


def write_webhook(admin: FlaskClient) -> str:
    """The webhook's secret."""
    router = made(admin.post("/router", json={"name": "Support", "strategy": "round_robin"}))
    address = f"/router/{router['id']}"
    hook = {"webhookUrl": "https://user:CanaryUser@example.com/hook?token=CanaryHook"}
    admin.patch(address, json=hook)
    admin.patch(address, json={"webhookUrl": "https://example.com/hook?token=CanaryHook"})
    found = admin.post(f"{address}/webhook-secret").get_json()
    return str(found["secret"])


def test_no_secret_is_audited_or_logged_complaint_36_lesson_d(
    app: Flask,
    admin: FlaskClient,
    people: People,
    logged: io.StringIO,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_models(admin)
    write_providers(admin)
    secrets = write_keys(admin, people)
    secrets.append(write_webhook(admin))
    secrets += write_people(app, admin, people)

    rows, lines = audited(), logged.getvalue() + caplog.text
    for secret in (CANARY, PASSWORD, *secrets):
        assert secret not in rows, [row for row in rows.splitlines() if secret in row][:1]
        assert secret not in lines, [line for line in lines.splitlines() if secret in line][:1]
    for kind in ("model_configuration", "sso_provider", "api_key", "router", "invitation"):
        assert f"'{kind}'" in rows, f"nothing was written of a {kind}"
