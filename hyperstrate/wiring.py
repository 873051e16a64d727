"""The one file that knows all modules: builds each module's Ports from the others' services."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from flask import Flask

from hyperstrate import ai, auth, observability, prompts, router
from hyperstrate.ai import registrations
from hyperstrate.auth import keys, teams
from hyperstrate.config import Config
from hyperstrate.observability import Beginnings, Endpoint, ModelRef, queries
from hyperstrate.prompts import library
from hyperstrate.router import routers, webhooks
from hyperstrate.router.ports import Figures, ModelChoice
from hyperstrate.router.proxy import Limits
from hyperstrate.shared import cache, crypto, queue
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.db import now
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.pagination import MAX_PER_PAGE
from hyperstrate.shared.spool import Spool
from hyperstrate.shared.store import Store
from hyperstrate.shared.store_choice import connect
from hyperstrate.shared.upstream import Upstream
from hyperstrate.shared.web import Api


class Names:
    """Answers observability: what the ids in a log are called."""

    def routers(self, org_id: str, ids: set[str]) -> Mapping[str, str]:
        return routers.names(org_id, ids)

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


class Inventory:
    """Answers observability: what an organisation has, and whether it can make its first call."""

    def routers(self, org_id: str) -> Mapping[str, str]:
        return routers.names(org_id)

    def models(self, org_id: str) -> Mapping[str, str]:
        return _by_name({found.id: found.name for found in registrations.named(org_id)})

    def api_keys(self, org_id: str) -> Mapping[str, str]:
        found = keys.find(org_id, per_page=MAX_PER_PAGE).items
        return _by_name({view.key.id: view.key.name for view in found})

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


def _store(config: Config) -> Store:
    return connect(
        config.redis_url,
        config.cache_redis_prefix,
        processes=config.web_concurrency,
        cache=config.cache_backend,
        limits=config.rate_limit_backend,
    )


def register(app: Flask, api: Api, config: Config) -> None:
    """Bring the modules into ``app``, each with what it needs of the others."""
    crypto.configure(config.secret_keys)
    cache.load_in(app.app_context)
    queue.configure(config.redis_url, config.cache_redis_prefix)
    shared = _store(config)
    rules = AddressRules(config.private_upstreams)
    upstream = Upstream(rules, max_response_bytes=config.max_response_bytes)
    inference = ai.Inference(upstream)
    auth.register(app, api, auth.Ports(routers=routers, store=shared))
    ai.register(app, api, ai.Ports(upstream=upstream, rules=rules))
    prompts.register(app, api)
    router.register(
        app,
        api,
        router.Ports(
            inference=inference,
            identities=app.extensions["identity"],
            prompts=library,
            teams=teams,
            models=Models(),
            figures=RouterFigures(),
            store=shared,
            rules=rules,
        ),
        Limits(max_body_bytes=config.max_body_bytes, max_messages=config.max_messages),
    )
    observability.register(
        app,
        api,
        observability.Ports(
            names=Names(),
            inventory=Inventory(),
            redis_problem=shared.problem,
            times_degraded=shared.times_degraded,
            webhooks=Webhooks(),
            rules=rules,
        ),
        spool=Spool(config.spool_dir),
    )
