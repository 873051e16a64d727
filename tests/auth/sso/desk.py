"""A desk at which somebody signs in: a browser, an identity provider, and what came of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Flask
from werkzeug.test import TestResponse

from hyperstrate.auth.models import SsoProvider
from hyperstrate.auth.sso import providers
from hyperstrate.shared.db import unit_of_work
from tests.auth.sso.idp import CLIENT_ID, CLIENT_SECRET, Idp
from tests.people import Browser


class Desk:
    """``provider`` is the one that the browser uses."""

    def __init__(self, app: Flask, idp: Idp, provider: SsoProvider) -> None:
        self.app = app
        self.idp = idp
        self.provider = provider
        self.browser = Browser(app)

    def leave(self, goal: str = "") -> str:
        """Press the button; where the browser is sent."""
        query = f"?{urlencode({'next': goal})}" if goal else ""
        answer = self.browser.get(f"/auth/sso/{self.provider.id}/start{query}")
        assert answer.status_code == 303, answer.text
        return str(answer.location)

    def come_back(self, **changes: str) -> TestResponse:
        """Press the button, sign in there, and come back."""
        return self.arrive({**self.idp.authorize(self.leave()), **changes})

    def arrive(self, answer: dict[str, str]) -> TestResponse:
        return self.browser.get(f"/auth/sso/callback?{urlencode(answer)}")

    def who(self) -> dict[str, Any]:
        """Who is signed in, by the API; empty: nobody."""
        answer = self.browser.get("/auth/me")
        return dict(answer.json) if answer.status_code == 200 and answer.json else {}

    def refused(self, answer: TestResponse, why: str) -> None:
        """Nobody is signed in, and the page says why."""
        assert answer.status_code in (400, 401, 403, 404, 409, 502), answer.text
        assert "You are not signed in" in answer.text
        assert why in answer.text, answer.text
        assert self.who() == {}


def provider_of(org_id: str, idp: Idp, **values: Any) -> SsoProvider:
    """A provider at ``idp``, of an organization; ``is_of_installation=True``: of all."""
    is_of_installation = values.pop("is_of_installation", False)
    given = {
        "kind": "oidc",
        "name": "Acme login",
        "issuer": idp.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        **values,
    }
    with unit_of_work():
        return providers.add(org_id, given, is_of_installation=is_of_installation)
