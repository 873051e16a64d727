"""An application with only the observability module, and the events it lives on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from flask import Flask
from flask_wtf import CSRFProtect

from hyperstrate import observability
from hyperstrate.events import RoutedInference
from hyperstrate.observability import Endpoint, ModelRef, Ports
from hyperstrate.observability.models import (
    AuditChain,
    AuditLog,
    InferenceLog,
    InferencePayload,
    UsageHour,
    WebhookDelivery,
)
from hyperstrate.shared import db, web
from hyperstrate.shared.chat import Usage
from hyperstrate.shared.errors import Unauthorized
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.ids import new_id
from hyperstrate.shared.queue import QueuedJob
from hyperstrate.shared.spool import Spool

TABLES = [
    AuditLog.__table__,
    AuditChain.__table__,
    InferenceLog.__table__,
    InferencePayload.__table__,
    UsageHour.__table__,
    WebhookDelivery.__table__,
    QueuedJob.__table__,
]
ACME, GLOBEX = "org_acme", "org_globex"
CALLERS = {
    "admin": Caller(ACME, "session", user_id="user_ada", role="admin"),
    "member": Caller(ACME, "session", user_id="user_max", role="member"),
    "viewer": Caller(ACME, "session", user_id="user_vic", role="viewer"),
    "platform_admin": Caller(
        ACME, "session", user_id="user_pat", role="admin", is_platform_admin=True
    ),
    "stranger": Caller(GLOBEX, "session", user_id="user_eve", role="admin"),
    "key": Caller(ACME, "api_key", key_id="akey_1"),
}


class Names:
    """The names that router, ai and auth would give."""

    def routers(self, org_id: str, ids: set[str]) -> Mapping[str, str]:
        known = {(ACME, "rtr_1"): "Support bot"}
        return {id: known[org_id, id] for id in ids if (org_id, id) in known}

    def people(self, org_id: str, ids: set[str]) -> Mapping[str, str]:
        known = {(ACME, "user_ada"): "Ada"}
        return {id: known[org_id, id] for id in ids if (org_id, id) in known}

    def models(self, org_id: str, ids: set[str]) -> Mapping[str, ModelRef]:
        known = {(ACME, "mdl_1"): ModelRef("mdl_1", "fast", "Dummy", "dummy", "DUMMY")}
        return {id: known[org_id, id] for id in ids if (org_id, id) in known}


class Webhooks:
    """The webhook of Acme's router, which has two targets; none while ``url`` is empty."""

    def __init__(self, url: str = "") -> None:
        self.url = url

    def endpoint(self, org_id: str, router_id: str) -> Endpoint | None:
        is_known = self.url and (org_id, router_id) == (ACME, "rtr_1")
        return Endpoint(self.url, "whsec_test") if is_known else None

    def listening(self, router_ids: Collection[str]) -> Mapping[str, int]:
        return {"rtr_1": 2} if self.url and "rtr_1" in router_ids else {}


class Identities:
    """The people of two organisations, by name as their token."""

    def from_credential(self, credential: str) -> Caller:
        if credential not in CALLERS:
            raise Unauthorized("unknown")
        return CALLERS[credential]

    def from_browser(self) -> Caller | None:
        return None


def build_app(database_uri: str, spool: Spool) -> Flask:
    """The module alone, on this database, with its tables."""
    app = Flask("hyperstrate")
    app.config.from_mapping(
        SECRET_KEY="test",
        SQLALCHEMY_DATABASE_URI=database_uri.replace("postgresql://", "postgresql+psycopg://"),
        API_TITLE="Hyperstrate",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
    )
    app.testing = True
    app.extensions["identity"] = Identities()
    db.configure(app)
    CSRFProtect(app)
    web.init(app)
    observability.register(app, web.Api(app), Ports(Names()), spool=spool)
    with app.app_context():
        db.Base.metadata.create_all(db.db.engine, tables=TABLES)  # type: ignore[arg-type]
    return app


def make_event(**changes: Any) -> RoutedInference:
    """A finished request of Acme; ``changes`` are what matters to the test."""
    values: dict[str, Any] = {
        "id": new_id("ilog"),
        "at": 1_790_000_000.25,
        "org_id": ACME,
        "source": "router",
        "status": "success",
        "usage": Usage(input_tokens=10, output_tokens=5),
        "cost_usd": Decimal("0.0000012345"),
        "latency_ms": 100.4,
        "overhead_ms": 0.75,
        "router_id": "rtr_1",
        "router_name": "Support",
        "model_id": "mdl_1",
        "model_def_key": "dummy",
        "provider": "DUMMY",
        "api_key_id": "akey_1",
    }
    return RoutedInference(**values | changes)
