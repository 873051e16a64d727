"""A walk over every route: what Acme has, what is sent where, and who sends it."""

from __future__ import annotations

import functools
import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.engine import make_url
from werkzeug.test import TestResponse

from hyperstrate.access import Outcome, Route, Who
from hyperstrate.auth.books import budgets
from hyperstrate.auth.keys import api_keys, virtual_keys
from hyperstrate.auth.models import APIKey, Session
from hyperstrate.auth.people import invitations, teams
from hyperstrate.auth.sso import groups, providers
from hyperstrate.observability import recorder
from hyperstrate.observability.api.common import EXTENSION
from hyperstrate.prompts import library
from hyperstrate.router import parts, routers
from hyperstrate.shared import cache
from hyperstrate.shared.db import Base, db, now, session, unit_of_work
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.spool import SpoolReader
from tests.observability.chains import rows
from tests.observability.installation import make_event
from tests.people import Browser, Client, Part, People
from tests.router import building

Ids = Mapping[str, str]
MARK = "zebra"
PARTS: Mapping[Who, Part] = {
    "member": "member",
    "viewer": "viewer",
    "admin": "admin",
    "other's admin": "stranger",
    "platform": "platform",
}
#: What changes when somebody only knocks: the audit, when a session was seen, the cache.
NOISE = {"audit_logs", "audit_chains", "auth_sessions", "cache_versions", "queued_jobs"}
WORD = "Hello"


@dataclass(frozen=True)
class Acme:
    """What Acme has, by the names that routes give it, and its two API keys."""

    org_id: str
    ids: Ids
    key: str
    expired_key: str
    sessions: Ids


def furnish(app: Flask, people: People, admin: Client) -> Acme:
    """One of everything for Acme; every name has the mark in it."""
    org_id, team_id = people.alice.org_id, people.alice.team_id
    hook = "https://example.com/zebra"
    router_id = building.active(admin, f"{MARK}-router", webhookUrl=hook, storePayloads=True)
    model_id = building.model(admin, alias=f"{MARK}-model")
    address = "dummy://local"
    assert admin.put(f"/ai/models/{model_id}/configuration", json={"baseUrl": address}).json
    by = Caller(org_id, "session", user_id=people.alice.id, role="admin")
    with unit_of_work():
        feature = parts.add_feature(org_id, router_id, "retry", {})
        guardrail = parts.add_interceptor(
            org_id, router_id, "content_filter", {"blocked_patterns": [MARK]}
        )
        prompt = library.create(org_id, f"{MARK}-prompt", MARK)
        expired = api_keys.issue(org_id, f"{MARK}-old", scope="global")
        virtual_key = virtual_keys.issue(org_id, f"{MARK}-guest", router_id=router_id)
        invitation = invitations.invite(org_id, f"{MARK}@example.com", by=by)
        columns = {"name": MARK, "amount": 9, "unit": "usd", "period": "day"}
        budget = budgets.create(org_id, "team", team_id, columns)
        provider = providers.add(org_id, {"kind": "github", "name": MARK, "client_id": MARK})
        mapping = groups.add(org_id, f"{MARK}-staff", role="viewer")
        team = teams.create(org_id, f"{MARK}-team")
        teams.add_member(org_id, team.id, people.bob.id)
        routers.grant(org_id, router_id, team.id)
        key = api_keys.issue(org_id, f"{MARK}-key", scope="global", team_id=team.id)
        session.get_one(APIKey, expired.key.id).expires_at = now() - timedelta(days=1)
    (version,) = library.versions(org_id, prompt.id).items
    event = make_event(id="ilog_1", org_id=org_id, router_id=router_id, response_text=MARK)
    recorder.record_inference(event)
    reader = SpoolReader(app.extensions[EXTENSION].spool.folder)
    assert reader.acquire()
    recorder.drain(reader)
    reader.release()
    router = routers.get(org_id, router_id)
    assert key.plaintext
    assert expired.plaintext
    ids = {
        "model": model_id, "router": router_id, "target_id": router.targets[0].id,
        "feature_id": feature.id, "interceptor_id": guardrail.id, "stage_id": guardrail.id,
        "family": "interceptors", "name": "content_filter", "place": "pass", "org_id": org_id,
        "team_id": team.id, "user_id": people.bob.id, "prompt_id": prompt.id,
        "version_id": version.id, "api_key": key.key.id, "virtual_key": virtual_key.key.id,
        "invitation_id": invitation.invitation.id, "budget_id": budget.id,
        "provider_id": provider.id, "mapping_id": mapping.id, "log_id": "ilog_1",
        "entry_id": rows(org_id)[0].id, "scope": "team", "scope_id": team.id,
        "filename": "app.css", "version": version.id,
    }  # fmt: skip
    found = session.execute(select(Session.user_id, Session.id))
    sessions = {row.user_id: row.id for row in found}
    return Acme(org_id, ids, key.plaintext, expired.plaintext, sessions)


def address(route: Route, acme: Acme, user_id: str) -> str:
    """The route's path with what is Acme's; sessions are the caller's own, or Alice's."""

    def value(found: re.Match[str]) -> str:
        name = found[1].rpartition(":")[2]
        if name == "session_id":
            return acme.sessions[user_id]
        if name == "rest":
            return _rest(route)
        if name == "key_id":
            name = "virtual_key" if "virtual-keys" in route.rule else "api_key"
        if name == "id":
            name = "router" if "router" in route.rule else "model"
        return acme.ids["router" if name == "router_id" else name]

    return re.sub(r"<([^>]+)>", value, route.rule)


def _rest(route: Route) -> str:
    if route.method == "GET":
        return f"models/{MARK}-router" if route.rule.startswith("/v1") else "v1/models"
    return "v1/chat/completions"


def body(route: Route, acme: Acme) -> Any:
    """What an API call brings; valid wherever more than one field is asked."""
    ids = acme.ids
    if route.guard == "inference":
        name = f"{MARK}-router"
        if route.rule.startswith("/ai/") or route.rule.endswith(("/infer", "/infer/stream")):
            return {"modelId": ids["model"], "fields": {"prompt": WORD}, "options": {}}
        if route.rule.endswith("embeddings"):
            return {"model": name, "input": WORD}
        return {"model": name, "messages": [{"role": "user", "content": WORD}], "max_tokens": 20}
    return BODIES.get(f"{route.method} {route.rule}", nothing)(ids)


def nothing(_: Ids) -> Any:
    """An empty body or form."""
    return {}


BODIES: dict[str, Callable[[Ids], Any]] = {
    "POST /ai/models": lambda _: {"modelDefinitionKey": "dummy"},
    "PATCH /ai/models/<id>": lambda _: {"alias": "taken"},
    "PUT /ai/models/<id>/configuration": lambda _: {"timeoutSecs": 5},
    "PATCH /analytics/inference-logs/<log_id>/feedback": lambda _: {"feedback": 1},
    "POST /auth/api-keys": lambda _: {"name": "CI", "scope": "global"},
    "PATCH /auth/api-keys/<key_id>": lambda _: {"name": "taken"},
    "POST /auth/api-keys/check": lambda _: {"text": "no key"},
    "POST /auth/budgets": lambda ids: {
        "amount": 1, "scope": "team", "scopeId": ids["team_id"], "unit": "usd",
    },
    "PATCH /auth/budgets/<budget_id>": lambda _: {"amount": 100},
    "PUT /auth/budgets/<budget_id>/raise": lambda _: {
        "amount": 5, "until": "2100-01-01T00:00:00Z",
    },
    "POST /auth/invitations": lambda _: {"email": "new@example.com", "role": "member"},
    "PUT /auth/limits/<scope>/<scope_id>": lambda _: {"requestsPerMinute": 9},
    "PATCH /auth/me": lambda _: {"name": "Renamed"},
    "POST /auth/oidc/group-mappings": lambda _: {"groupName": "x", "role": "viewer"},
    "POST /auth/organizations": lambda _: {"name": "Third"},
    "PATCH /auth/organizations/<org_id>": lambda _: {"name": "Renamed"},
    "POST /auth/password": lambda _: {"currentPassword": "not it", "newPassword": "x" * 20},
    "POST /auth/sso-providers": lambda _: {
        "type": "github", "name": "GitHub", "clientId": "x", "clientSecret": "y",
    },
    "PATCH /auth/sso-providers/<provider_id>": lambda _: {"name": "taken"},
    "PUT /auth/sso-providers/required": lambda _: {"isRequired": False},
    "POST /auth/switch": lambda ids: {"orgId": ids["org_id"]},
    "POST /auth/teams": lambda _: {"name": "New"},
    "PATCH /auth/teams/<team_id>": lambda _: {"name": "taken"},
    "POST /auth/teams/<team_id>/members": lambda ids: {"userId": ids["user_id"]},
    "PATCH /auth/users/<user_id>": lambda _: {"role": "viewer"},
    "POST /auth/virtual-keys": lambda ids: {"name": "Guest", "routerId": ids["router"]},
    "PATCH /auth/virtual-keys/<key_id>": lambda _: {"name": "taken"},
    "POST /prompts": lambda _: {"name": "New", "content": "Hello"},
    "PATCH /prompts/<prompt_id>": lambda _: {"content": "taken"},
    "POST /router": lambda _: {"name": "new", "strategy": "failover"},
    "PATCH /router/<router_id>": lambda _: {"description": "taken"},
    "POST /router/<router_id>/access": lambda ids: {"teamId": ids["team_id"]},
    "POST /router/<router_id>/features": lambda _: {"featureType": "fallback", "config": {}},
    "PATCH /router/<router_id>/features/<feature_id>": lambda _: {"isEnabled": False},
    "POST /router/<router_id>/interceptors": lambda _: {
        "type": "content_filter", "config": {"blockedPatterns": ["x"]},
    },
    "PATCH /router/<router_id>/interceptors/<interceptor_id>": lambda _: {"isEnabled": False},
    "POST /router/<router_id>/targets": lambda ids: {"modelId": ids["model"]},
    "PUT /router/<router_id>/targets": lambda ids: {
        "targets": [{"id": ids["target_id"], "weight": 3}],
    },
    "PUT /router/<router_id>/targets/order": lambda ids: {"targetIds": [ids["target_id"]]},
    "PATCH /router/<router_id>/targets/<target_id>": lambda _: {"weight": 2},
}  # fmt: skip


FORMS: dict[str, Callable[[Ids], Any]] = {
    "/app/account/switch": lambda ids: {"orgId": ids["org_id"]},
    "/app/models/new": lambda _: {"key": "dummy", "modelDefinitionKey": "dummy"},
    "/app/teams/<team_id>/members": lambda _: {"email": "alice@example.com"},
    "/app/logs/<log_id>/feedback": lambda _: {"feedback": "1"},
}


_KEPT = [name for name in Base.metadata.tables if name not in NOISE]


class Saved:
    """The database as it stands, to go back to after every call that changes it. SQLite only."""

    def __init__(self, app: Flask) -> None:
        self._path = str(make_url(app.config["SQLALCHEMY_DATABASE_URI"]).database)
        self._copy = sqlite3.connect(":memory:")
        self._before = functools.cache(functools.partial(_rows, self._copy))
        db.session.remove()
        with closing(sqlite3.connect(self._path)) as live:
            live.backup(self._copy)

    def restore(self) -> None:
        db.session.remove()
        with closing(sqlite3.connect(self._path)) as live:
            self._copy.backup(live)
        for topic in list(cache._caches):
            cache.forget(topic)

    def differs(self, org_id: str) -> list[str]:
        """The tables in which something of this organisation is not what it was."""
        with closing(sqlite3.connect(self._path)) as live:
            return [name for name in _KEPT if self._is_changed(live, name, org_id)]

    def _is_changed(self, live: sqlite3.Connection, table: str, org_id: str) -> bool:
        """A table without organisations may get rows, those of others, but keeps what it has."""
        of_org = org_id if "org_id" in Base.metadata.tables[table].columns else ""
        old, new = self._before(table, of_org), _rows(live, table, of_org)
        return bool(old - new) or bool(of_org and new - old)

    def close(self) -> None:
        self._copy.close()


def _rows(base: sqlite3.Connection, table: str, org_id: str) -> set[str]:
    where, values = ("WHERE org_id = ?", (org_id,)) if org_id else ("", ())
    return set(map(repr, base.execute(f'SELECT * FROM "{table}" {where}', values)))  # noqa: S608


class Callers:
    """Everybody's clients, each call with a new one, so that no call signs another out."""

    def __init__(self, app: Flask, people: People, acme: Acme) -> None:
        self._app, self._people, self._acme = app, people, acme
        self._browsers: dict[Who, tuple[str, str]] = {}
        for who in (*PARTS, "nobody"):
            browser = Browser(app)
            browser.get("/app/login")
            if who in PARTS:
                browser.sign_in(people.playing(PARTS[who]))
            cookie = browser.client.get_cookie("hyperstrate")
            assert cookie is not None
            self._browsers[who] = (cookie.value, browser.csrf_token)

    def call(self, who: Who, route: Route) -> TestResponse:
        user_id = self._people.playing(PARTS.get(who, "admin")).id
        inside = user_id if who in ("member", "viewer", "admin") else self._people.alice.id
        path = address(route, self._acme, inside)
        if route.is_page:
            form = FORMS.get(route.rule, nothing)(self._acme.ids)
            where = "query_string" if route.method == "GET" else "data"
            return self._browse(who, route, path, **{where: form})
        headers = self._headers(who)
        client = Client(self._app, self._app.response_class)
        sent = {} if route.method == "GET" else {"json": body(route, self._acme)}
        return client.open(path, method=route.method, headers=headers, **sent)

    def browse(self, who: Who, route: Route) -> TestResponse:
        """The same call of a model by the cookie of a page, which goes through Flask."""
        path = address(route, self._acme, "")
        sent = {} if route.method == "GET" else {"json": body(route, self._acme)}
        return self._browse(who, route, path, **sent)

    def _browse(self, who: Who, route: Route, path: str, **sent: Any) -> TestResponse:
        cookie, csrf_token = self._browsers[who if who in PARTS else "nobody"]
        client = Client(self._app, self._app.response_class)
        client.set_cookie("hyperstrate", cookie)
        headers = {"X-CSRFToken": csrf_token}
        if who in ("API key", "expired key"):
            headers |= self._headers(who)
        return client.open(path, method=route.method, headers=headers, **sent)

    def _headers(self, who: Who) -> dict[str, str]:
        if who == "nobody":
            return {}
        if who == "API key":
            return {"x-api-key": self._acme.key}
        if who == "expired key":
            return {"x-api-key": self._acme.expired_key}
        return {"Authorization": f"Bearer {self._people.playing(PARTS[who]).token}"}


def classified(answer: TestResponse, route: Route) -> Outcome:
    """What came, in the words of the table; ``own`` cannot be told from ``in``."""
    place = answer.headers.get("Location", "")
    if answer.status_code in (302, 303) and place.startswith("/app/login"):
        return "sign in"
    if answer.status_code in (302, 303) and route.rule == "/app" and place == "/app/account":
        return "account"
    if answer.status_code in (401, 403, 404):
        return {401: "401", 403: "403", 404: "404"}[answer.status_code]  # type: ignore[return-value]
    return "in"
