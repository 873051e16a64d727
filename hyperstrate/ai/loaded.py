"""A registered model as calls use it: decrypted, priced, cached in the process."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from hyperstrate.ai import catalog, registrations
from hyperstrate.ai.configurations import base_url_of
from hyperstrate.ai.models import ModelConfiguration
from hyperstrate.ai.pricing import price
from hyperstrate.ai.providers import PROVIDERS
from hyperstrate.ai.providers.base import Provider, Registration, Timeouts
from hyperstrate.ai.registrations import TOPIC, Registered
from hyperstrate.shared.cache import VersionedCache
from hyperstrate.shared.crypto import decrypt
from hyperstrate.shared.inference import ModelCard


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """All that a call needs. There is a registration for each key of the pool.

    ``provider`` is None for one that cannot be called.
    """

    card: ModelCard
    provider: Provider | None
    registrations: tuple[Registration, ...]
    _turn: count[int] = field(default_factory=count)

    def registration(self) -> Registration:
        """The one whose turn it is."""
        if len(self.registrations) == 1:
            return self.registrations[0]
        return self.registrations[next(self._turn) % len(self.registrations)]


_cache: VersionedCache[tuple[str, str], LoadedModel] = VersionedCache(TOPIC)


def loaded(org_id: str, model_id: str) -> LoadedModel:
    """The model, from the process's memory where it is. Raises NotFound."""
    return _cache.get((org_id, model_id), _load)


def _load(key: tuple[str, str]) -> LoadedModel:
    found = registrations.get(*key)
    return LoadedModel(
        card=_card(found),
        provider=PROVIDERS.get(found.definition.provider),
        registrations=tuple(_registrations(found)),
    )


def _card(found: Registered) -> ModelCard:
    definition, prices = found.definition, found.prices
    provider = PROVIDERS.get(definition.provider)
    card = ModelCard(
        model_id=found.id,
        definition_key=definition.key,
        provider=definition.provider,
        upstream_model=found.upstream_model,
        display_name=found.name,
        dialects=provider.dialects if provider else frozenset(),
        capabilities=frozenset(definition.capabilities),
        is_configured=found.is_ready,
        context_window=definition.context_window,
        max_output_tokens=definition.max_output_tokens,
    )
    if prices is None:
        return card
    base = prices.base
    return replace(
        card,
        input_price_per_1m=base.input,
        output_price_per_1m=base.output,
        price=partial(price, prices),
        price_version=catalog.load().version,
    )


def _registrations(found: Registered) -> list[Registration]:
    definition, row = found.definition, found.configuration
    is_own = found.upstream_model == definition.model_id
    plain = Registration(
        id=found.id,
        org_id=found.model.org_id,
        definition_key=definition.key,
        provider=definition.provider,
        upstream_model=found.upstream_model,
        base_url=base_url_of(found),
        max_output_tokens=definition.max_output_tokens if is_own else None,
    )
    if row is None:
        return [plain]
    headers = {name: decrypt(value) for name, value in row.extra_headers.items()}
    common = replace(
        plain,
        api_secret=decrypt(row.api_secret) if row.api_secret else "",
        extra_headers=headers,
        timeouts=_timeouts(row),
    )
    sealed = ([row.api_key] if row.api_key else []) + row.api_key_pool
    keys = dict.fromkeys(decrypt(key) for key in sealed)
    return [replace(common, api_key=key) for key in keys or [""]]


def _timeouts(row: ModelConfiguration) -> Timeouts:
    return Timeouts(
        connect=row.connect_timeout_secs,
        first_byte=row.first_byte_timeout_secs,
        idle=row.idle_timeout_secs,
        total=row.timeout_secs,
    )
