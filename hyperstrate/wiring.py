"""The one file that knows all modules: builds each module's Ports from the others' services."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Flask

from hyperstrate import ai, auth, observability, preflight, prompts, router
from hyperstrate.ai import catalog, registrations
from hyperstrate.ai.catalog import Definition
from hyperstrate.ai.providers import PROFILES
from hyperstrate.auth import limits
from hyperstrate.auth.books import budget_views, shares
from hyperstrate.auth.books.recording import Books
from hyperstrate.auth.books.spending import Spending
from hyperstrate.auth.keys import api_keys as keys
from hyperstrate.auth.people import directory, teams
from hyperstrate.auth.ports import ModelNames
from hyperstrate.config import Config
from hyperstrate.observability import Beginnings, Endpoint, ModelRef, delivery, queries
from hyperstrate.prompts import library
from hyperstrate.router import routers, webhooks
from hyperstrate.router.admission import is_open
from hyperstrate.router.ports import Delivery, Figures, ModelChoice
from hyperstrate.router.proxy import Limits
from hyperstrate.shared import cache, crypto, heartbeat, queue
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.db import now
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.guards import Caller
from hyperstrate.shared.pagination import MAX_PER_PAGE
from hyperstrate.shared.spending import BudgetState
from hyperstrate.shared.spool import Spool
from hyperstrate.shared.store import Store
from hyperstrate.shared.store_choice import connect, limits_on, link_to
from hyperstrate.shared.upstream import Upstream
from hyperstrate.shared.web import Api

if TYPE_CHECKING:
    from hyperstrate.shared.redis_link import RedisLink


class Names:
    """Answers observability: what the ids in a log are called."""

    def routers(self, org_id: str, ids: set[str]) -> Mapping[str, str]:
        return routers.names(org_id, ids)

    def people(self, org_id: str, ids: set[str]) -> Mapping[str, str]:
        return directory.names(org_id, ids)

    def models(self, org_id: str, ids: set[str]) -> Mapping[str, ModelRef]:
        return {
            found.id: ModelRef(
                id=found.id,
                alias=found.model.alias or "",
                display_name=found.name,
                model_def_key=found.model.model_definition_key,
                provider=found.definition.provider,
            )
            for found in registrations.named(org_id, sorted(ids))
        }


class Models:
    """Answers router: the models that a target may have."""

    def choices(self, org_id: str) -> list[ModelChoice]:
        choices = [
            ModelChoice(
                id=found.id,
                name=found.name,
                definition_key=found.definition.key,
                provider=found.definition.profile.label,
                is_ready=found.is_ready,
            )
            for found in registrations.named(org_id)
        ]
        return sorted(choices, key=lambda choice: (choice.name.lower(), choice.id))


class RouterFigures:
    """Answers router: what happened lately on its routers."""

    def by_router(
        self, org_id: str, days: int, router_ids: Collection[str]
    ) -> Mapping[str, Figures]:
        until = now()
        found = queries.by_router(
            org_id, until - timedelta(days=days), until, router_ids=router_ids
        )
        return {
            router_id: Figures(row.requests, row.errors, row.cost_usd, row.p95_latency_ms)
            for router_id, row in found.items()
        }


class Deliveries:
    """Answers router: what was sent to its webhooks."""

    def newest(self, org_id: str, router_id: str, limit: int) -> list[Delivery]:
        return [_delivery(row) for row in delivery.deliveries(org_id, router_id, limit=limit).data]

    def send_test(self, org_id: str, router_id: str) -> Delivery:
        return _delivery(delivery.send_test(org_id, router_id))


def _delivery(row: Any) -> Delivery:
    return Delivery(
        event=row.event,
        at=row.created_at,
        status_code=row.status_code,
        is_success=row.success,
        error=row.error_msg,
        attempt=row.attempt,
        request_id=row.request_id,
    )


class Webhooks:
    """Answers observability: which routers have a webhook, and where."""

    def endpoint(self, org_id: str, router_id: str) -> Endpoint | None:
        try:
            found = webhooks.webhook(org_id, router_id)
        except NotFound:
            return None
        return Endpoint(found.url, found.secret)

    def listening(self, router_ids: Collection[str]) -> Mapping[str, int]:
        return webhooks.listening(router_ids)


class Logs:
    """Answers auth: what requests cost, by the log."""

    def costs(self, org_id: str, request_ids: Sequence[str]) -> Mapping[str, Decimal]:
        return queries.costs(org_id, request_ids)


class SoldModels:
    """Answers auth: what providers call the models that an organisation used."""

    def called(self, org_id: str, since: datetime, until: datetime) -> list[ModelNames]:
        own = [
            ModelNames(
                found.id,
                found.definition.provider,
                (found.upstream_model, *_names(found.definition)),
            )
            for found in registrations.named(org_id)
        ]
        known = {"", *(model.id for model in own)}
        return own + [
            ModelNames(row.model_id, row.provider, _names(catalog.recall(row.model_def_key)))
            for row in queries.by_model(org_id, since, until)
            if row.model_id not in known
        ]

    def providers(self) -> Mapping[str, str]:
        return {key: profile.label for key, profile in PROFILES.items()}


def _names(definition: Definition) -> tuple[str, ...]:
    return definition.model_id or definition.key, definition.key, definition.display_name


class Allowances:
    """Answers router: what every call of a router has to fit into."""

    def budgets(self, org_id: str, router_id: str) -> Sequence[BudgetState]:
        return budget_views.on_router(org_id, router_id)

    def limits(self, org_id: str, router_id: str) -> Mapping[str, Sequence[str]]:
        return limits.on_router(org_id, router_id)


class Inventory:
    """Answers observability: what an organisation has, and whether it can make its first call."""

    def routers(self, org_id: str) -> Mapping[str, str]:
        return routers.names(org_id)

    def models(self, org_id: str) -> Mapping[str, str]:
        return _by_name({found.id: found.name for found in registrations.named(org_id)})

    def api_keys(self, org_id: str) -> Mapping[str, str]:
        return _by_name(keys.names(org_id))

    def open_to(self, caller: Caller) -> Mapping[str, str]:
        return {
            router.id: router.name
            for router in routers.active(caller.org_id)
            if caller.is_viewer or is_open(router.team_ids, caller)
        }

    def beginnings(self, org_id: str) -> Beginnings:
        own = routers.find(org_id, per_page=MAX_PER_PAGE).items
        active = next((router for router in own if router.status == "active"), None)
        return Beginnings(
            has_model=any(found.is_ready for found in registrations.named(org_id)),
            has_key=any(view.status == "active" for view in keys.find(org_id).items),
            router_id=active.id if active else "",
            router_name=active.name if active else "",
        )


def _by_name(names: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(names.items(), key=lambda item: item[1].lower()))


def _without_redis(problem: str) -> str:
    """What it means to people that Redis has a problem."""
    if not problem:
        return ""
    return f"{problem}. Until it does, each server process enforces its share of every limit."


def register(app: Flask, api: Api, config: Config) -> None:
    """Bring the modules into ``app``, each with what it needs of the others."""
    link = _connect(app, config)
    shared = connect(link, cache=config.cache_backend, limits=config.rate_limit_backend)
    limit_store = limits_on(link, limits=config.rate_limit_backend)
    spending = Spending(app.app_context, link)
    for duty in (limit_store.tend, spending.tend):
        heartbeat.add(duty)
    app.jinja_env.globals["problem"] = lambda: _without_redis(shared.problem())
    rules = AddressRules(config.private_upstreams)
    upstream = Upstream(rules, max_response_bytes=config.max_response_bytes)
    auth.register(app, api, _auth_ports(shared, rules, spending))
    ai.register(app, api, ai.Ports(upstream=upstream, rules=rules))
    prompts.register(app, api, prompts.Ports(routers=routers))
    router_ports = router.Ports(
        inference=ai.Inference(upstream),
        identities=app.extensions["identity"],
        prompts=library,
        teams=teams,
        models=Models(),
        figures=RouterFigures(),
        deliveries=Deliveries(),
        shares=shares,
        store=shared,
        rules=rules,
        spending=spending,
        limits=auth.Limiter(limit_store),
        allowances=Allowances(),
    )
    bounds = Limits(max_body_bytes=config.max_body_bytes, max_messages=config.max_messages)
    router.register(app, api, router_ports, bounds)
    _register_observability(app, api, config, shared=shared, rules=rules, spending=spending)


def _auth_ports(store: Store, rules: AddressRules, spending: Spending) -> auth.Ports:
    return auth.Ports(
        routers=routers,
        store=store,
        rules=rules,
        spending=spending,
        logs=Logs(),
        models=SoldModels(),
    )


def record(app: Flask, config: Config) -> None:
    """Bring into ``app`` what the recorder needs of the modules: no routes, no inference."""
    link = _connect(app, config)
    auth.listen()
    ports = observability.Ports(
        names=Names(),
        webhooks=Webhooks(),
        rules=AddressRules(config.private_upstreams),
        ledger=Books(Spending(app.app_context, link)),
    )
    observability.record(app, ports, spool=Spool(config.spool_dir))


def _connect(app: Flask, config: Config) -> RedisLink | None:
    """Make ready what all modules share. Returns the way to Redis, if there is one."""
    crypto.configure(config.secret_keys)
    cache.load_in(app.app_context)
    queue.configure(config.redis_url, config.cache_redis_prefix)
    return link_to(config.redis_url, config.cache_redis_prefix, processes=config.web_concurrency)


def _register_observability(
    app: Flask,
    api: Api,
    config: Config,
    *,
    shared: Store,
    rules: AddressRules,
    spending: Spending,
) -> None:
    ports = observability.Ports(
        names=Names(),
        inventory=Inventory(),
        redis_problem=shared.problem,
        times_degraded=shared.times_degraded,
        migration_problem=partial(preflight.problem, app),
        webhooks=Webhooks(),
        rules=rules,
        ledger=Books(spending),
        budgets=budget_views,
    )
    observability.register(app, api, ports, spool=Spool(config.spool_dir))
