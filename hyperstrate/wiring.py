"""The one file that knows all modules: builds each module's Ports from the others' services."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask

from hyperstrate import ai, auth, observability, prompts, router
from hyperstrate.ai import registrations
from hyperstrate.auth import teams
from hyperstrate.config import Config
from hyperstrate.observability import ModelRef
from hyperstrate.prompts import library
from hyperstrate.router import routers
from hyperstrate.router.proxy import Limits
from hyperstrate.shared import cache, crypto, store
from hyperstrate.shared.addresses import AddressRules
from hyperstrate.shared.spool import Spool
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


def register(app: Flask, api: Api, config: Config) -> None:
    """Bring the modules into ``app``, each with what it needs of the others."""
    crypto.configure(config.secret_keys)
    cache.load_in(app.app_context)
    shared = store.connect(
        config.redis_url, config.cache_redis_prefix, processes=config.web_concurrency
    )
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
            store=shared,
        ),
        Limits(max_body_bytes=config.max_body_bytes, max_messages=config.max_messages),
    )
    observability.register(
        app, api, observability.Ports(names=Names()), spool=Spool(config.spool_dir)
    )
