"""The models that an organisation registered: a model of the catalog, with its key and address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select

from hyperstrate.ai import catalog
from hyperstrate.ai.catalog import Definition
from hyperstrate.ai.models import Model, ModelConfiguration
from hyperstrate.ai.pricing import Prices
from hyperstrate.events import ModelDeleted, model_deleted
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import after_commit, now, session
from hyperstrate.shared.errors import NotFound, Unprocessable
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, Page, paginate

TOPIC = "models"


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered model, and what the catalog says of it."""

    model: Model
    definition: Definition

    @classmethod
    def of(cls, model: Model) -> Registered:
        return cls(model, catalog.recall(model.model_definition_key))

    @property
    def id(self) -> str:
        return self.model.id

    @property
    def name(self) -> str:
        return self.model.alias or self.definition.display_name

    @property
    def upstream_model(self) -> str:
        return self.model.upstream_model or self.definition.model_id

    @property
    def configuration(self) -> ModelConfiguration | None:
        return self.model.configuration

    @property
    def prices(self) -> Prices | None:
        """The definition's, unless another model is called by its registration.

        What runs on one's own machines stays free whatever its name.
        """
        prices = self.definition.prices
        is_same = self.upstream_model == self.definition.model_id
        return prices if is_same or (prices and prices.is_free) else None

    @property
    def is_priced(self) -> bool:
        return self.prices is not None

    @property
    def has_configuration(self) -> bool:
        return self.configuration is not None

    @property
    def is_ready(self) -> bool:
        """It can be called: its key is there, if it needs one, and its address."""
        profile, configuration = self.definition.profile, self.configuration
        if not self.definition.is_supported:
            return False
        if configuration is None:
            return bool(profile.base_url) and not profile.needs_key
        has_key = bool(configuration.api_key or configuration.api_key_pool)
        return has_key or not profile.needs_key


def register(
    org_id: str, definition_key: str, *, alias: str = "", upstream_model: str = ""
) -> Registered:
    """Use a model of the catalog, perhaps by another name at its provider.

    Raises NotFound for an unknown key, Unprocessable for a provider that cannot be called yet.
    """
    definition = catalog.get(definition_key)
    if not definition.is_supported:
        label = definition.profile.label
        raise Unprocessable(f"{label} models are in the catalog, but cannot be called yet")
    upstream_model = "" if upstream_model == definition.model_id else upstream_model
    model = Model(
        org_id=org_id,
        model_definition_key=definition_key,
        alias=alias or None,
        upstream_model=upstream_model,
    )
    session.add(model)
    session.flush()
    return Registered(model, definition)


def find(
    org_id: str,
    *,
    query: str = "",
    capabilities: Iterable[str] = (),
    page: int = 1,
    per_page: int = DEFAULT_PER_PAGE,
) -> Page[Registered]:
    """A page of the registrations, newest first.

    ``query`` matches id, alias, upstream name, definition key or what the catalog says.
    """
    mine = Model.org_id == org_id
    wanted = select(Model).where(mine).order_by(Model.created_at.desc(), Model.id.desc())
    if query or capabilities:
        keys = set(session.scalars(select(Model.model_definition_key).where(mine).distinct()))
        able = keys & {found.key for found in catalog.search(capabilities=capabilities)}
        said = able & {found.key for found in catalog.search(query)}
        wanted = wanted.where(Model.model_definition_key.in_(able if capabilities else keys))
        if query:
            wanted = wanted.where(or_(_matches(query), Model.model_definition_key.in_(said)))
    found = paginate(wanted, page=page, per_page=per_page)
    return Page([Registered.of(model) for model in found.items], found.meta)


def _matches(query: str) -> ColumnElement[bool]:
    columns = (Model.id, Model.alias, Model.upstream_model, Model.model_definition_key)
    return or_(*(column.icontains(query, autoescape=True) for column in columns))


def named(org_id: str, ids: Sequence[str] | None = None) -> list[Registered]:
    """Those of ``ids`` that are registered here, newest first; without ids, all."""
    wanted = select(Model).where(Model.org_id == org_id)
    if ids is not None:
        wanted = wanted.where(Model.id.in_(ids))
    models = session.scalars(wanted.order_by(Model.created_at.desc(), Model.id.desc()))
    return [Registered.of(model) for model in models]


def get(org_id: str, model_id: str) -> Registered:
    """Raises NotFound."""
    wanted = select(Model).where(Model.id == model_id, Model.org_id == org_id)
    model = session.scalar(wanted)
    if model is None:
        raise NotFound("no such model")
    return Registered.of(model)


def update(
    org_id: str, model_id: str, *, alias: str | None = None, upstream_model: str | None = None
) -> Registered:
    """Change what is given; an empty text takes it away. Raises NotFound."""
    found = get(org_id, model_id)
    if alias is not None:
        found.model.alias = alias or None
    if upstream_model is not None:
        is_own = upstream_model != found.definition.model_id
        found.model.upstream_model = upstream_model if is_own else ""
    bump(TOPIC)
    session.flush()
    return found


def delete(org_id: str, model_id: str) -> None:
    """Forget a registration, its keys and its address. Raises NotFound."""
    session.delete(get(org_id, model_id).model)
    bump(TOPIC)
    session.flush()
    after_commit(lambda: model_deleted.emit(ModelDeleted(org_id, model_id)))


def note_test(org_id: str, model_id: str, *, latency_ms: float, error: str) -> Registered:
    """Keep how the last test went. Raises NotFound."""
    found = get(org_id, model_id)
    found.model.tested_at = now()
    found.model.test_latency_ms = latency_ms
    found.model.test_error = error[:1000]
    session.flush()
    return found
