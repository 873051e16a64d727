"""Every model that we know: its provider, price and limits, from the versioned catalog.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from hyperstrate.ai.pricing import Prices, prices_from
from hyperstrate.ai.providers import PROFILES, PROVIDERS, Profile
from hyperstrate.shared.chat import Operation
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.pagination import DEFAULT_PER_PAGE, Meta, Page

GONE = {"provider": "CUSTOM", "modelId": "", "description": "Not in the catalog any more"}


@dataclass(frozen=True, slots=True)
class InputField:
    """What the native inference call takes for a model."""

    key: str
    label: str
    type: str = "text"
    required: bool = False


PROMPT = InputField("prompt", "Prompt", required=True)


@dataclass(frozen=True, slots=True)
class Definition:
    """A model as its provider sells it. ``deprecated``: the day it goes, as YYYY-MM-DD."""

    key: str
    provider: str
    model_id: str
    display_name: str
    description: str
    prices: Prices | None
    context_window: int | None
    max_output_tokens: int | None
    capabilities: tuple[str, ...]
    deprecated: str
    text: str

    @property
    def operation(self) -> Operation:
        return "embeddings" if "embedding" in self.capabilities else "chat"

    @property
    def profile(self) -> Profile:
        return PROFILES[self.provider]

    @property
    def input_fields(self) -> tuple[InputField, ...]:
        if self.operation == "embeddings":
            return ()
        if self.provider == "KLING":
            return _video_fields(self)
        if self.provider == "CUSTOM":
            return (InputField("prompt", "Prompt"),)
        image = (InputField("image", "Image", "image"),) if "vision" in self.capabilities else ()
        return (InputField("systemPrompt", "System prompt"), PROMPT, *image)

    @property
    def is_supported(self) -> bool:
        """There is an adapter for its provider."""
        return self.provider in PROVIDERS


@dataclass(frozen=True, slots=True)
class Catalog:
    """All definitions by key, in the order of keys."""

    version: str
    definitions: Mapping[str, Definition]


@lru_cache(maxsize=1)
def load() -> Catalog:
    """The catalog; read once."""
    content = orjson.loads((Path(__file__).parent / "catalog.json").read_bytes())
    definitions = {key: _definition(key, line) for key, line in content["models"].items()}
    return Catalog(content["version"], definitions)


def get(key: str) -> Definition:
    """Raises NotFound."""
    try:
        return load().definitions[key]
    except KeyError:
        raise NotFound(f"no model {key[:100]!r} in the catalog") from None


def recall(key: str) -> Definition:
    """The definition that was registered once; without price and provider where it is gone."""
    return load().definitions.get(key) or _definition(key, {**GONE, "displayName": key})


def search(query: str = "", *, capabilities: Iterable[str] = ()) -> list[Definition]:
    """The definitions that have every word of ``query`` somewhere, and every capability."""
    words, wanted = query.lower().split(), set(capabilities)
    return [
        definition
        for definition in load().definitions.values()
        if wanted.issubset(definition.capabilities)
        and all(word in definition.text for word in words)
    ]


def search_page(
    query: str = "", *, page: int = 1, per_page: int = DEFAULT_PER_PAGE
) -> Page[Definition]:
    """A page of what :func:`search` finds."""
    found = search(query)
    pages = max(1, -(-len(found) // per_page))
    page = min(max(page, 1), pages)
    items = found[(page - 1) * per_page : page * per_page]
    return Page(items, Meta(len(found), len(items), per_page, pages, page))


def _video_fields(definition: Definition) -> tuple[InputField, ...]:
    if "motion_control" in definition.capabilities:
        character = InputField("characterImage", "Character image", "image", required=True)
        return (
            PROMPT,
            character,
            InputField("motionVideo", "Motion video", "video", required=True),
        )
    if "image_to_video" in definition.capabilities:
        is_required = definition.key.endswith("-image")
        return (PROMPT, InputField("referenceImage", "Reference image", "image", is_required))
    return (PROMPT,)


def _definition(key: str, line: Mapping[str, Any]) -> Definition:
    capabilities = tuple(line.get("capabilities", ()))
    said = (key, line["displayName"], line["modelId"], line["provider"], *capabilities)
    description = line.get("description", "")
    return Definition(
        key=key,
        provider=line["provider"],
        model_id=line["modelId"],
        display_name=line["displayName"],
        description=description,
        prices=prices_from(line),
        context_window=line.get("contextWindow"),
        max_output_tokens=line.get("maxOutputTokens"),
        capabilities=capabilities,
        deprecated=line.get("deprecated", ""),
        text=" ".join((*said, description)).lower(),
    )
