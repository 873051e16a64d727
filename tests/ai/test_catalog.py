"""The catalog: everything that was promised is in it, and it is found."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from hyperstrate.ai import catalog
from hyperstrate.ai.providers import PROFILES, PROVIDERS
from hyperstrate.shared.errors import NotFound

KEPT = Path(__file__).parents[2] / "bench" / "catalog_kept.csv"


def test_has_hundreds_of_models_of_every_provider() -> None:
    definitions = catalog.load().definitions.values()

    assert len(definitions) >= 400
    assert {definition.provider for definition in definitions} == set(PROFILES)


def test_has_every_definition_that_was_promised() -> None:
    with KEPT.open() as file:
        rows = list(csv.DictReader(file))

    for row in rows:
        definition = catalog.get(row["key"])
        assert (definition.provider, definition.model_id) == (row["provider"], row["model_id"])
        assert set(row["capabilities"].split()) <= set(definition.capabilities)
        assert definition.prices or row["provider"] in {"KLING", "CUSTOM"}
    assert len(rows) == 112


def test_finds_a_model_by_any_of_its_words() -> None:
    keys = [definition.key for definition in catalog.search("anthropic REASONING haiku 4.5")]

    assert "anthropic/claude-haiku-4-5" in keys
    assert all("haiku" in key for key in keys)


def test_finds_only_models_that_have_all_the_capabilities() -> None:
    found = catalog.search("openai", capabilities=["embedding"])

    assert "openai/text-embedding-3-small" in [definition.key for definition in found]
    assert all(definition.operation == "embeddings" for definition in found)


def test_is_sorted_by_key() -> None:
    keys = [definition.key for definition in catalog.search()]

    assert keys == sorted(keys)


def test_a_page_out_of_range_is_the_last_one() -> None:
    found = catalog.search_page("dummy", page=99)

    assert [definition.key for definition in found.items] == ["dummy", "dummy/embeddings"]
    assert found.meta.page == 1


def test_prices_carry_cache_and_tiers() -> None:
    prices = catalog.get("gemini/gemini-2.5-pro").prices

    assert prices is not None
    assert prices.base.cached_input == Decimal("0.125")
    assert prices.rates(200_000) == prices.base
    assert prices.rates(200_001).input == Decimal("2.5")


def test_an_unknown_key_is_not_found() -> None:
    with pytest.raises(NotFound, match="no model 'nothing'"):
        catalog.get("nothing")


def test_a_key_that_is_gone_is_recalled_without_provider_and_price() -> None:
    definition = catalog.recall("old/model")

    assert not definition.is_supported
    assert definition.prices is None


def test_providers_without_an_adapter_are_not_supported() -> None:
    unsupported = set(PROFILES) - set(PROVIDERS)

    assert unsupported == {"GEMINI", "COHERE", "BEDROCK", "KLING", "CUSTOM"}
    assert not catalog.get("gemini/gemini-2.5-pro").is_supported


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("chatgpt/gpt-5", ["systemPrompt", "prompt", "image"]),
        ("openai/text-embedding-3-small", []),
        ("kling/kling-v1-image", ["prompt", "referenceImage"]),
        ("kling/kling-v3-motion-control", ["prompt", "characterImage", "motionVideo"]),
        ("custom", ["prompt"]),
    ],
)
def test_says_which_fields_a_native_call_takes(key: str, names: list[str]) -> None:
    assert [field.key for field in catalog.get(key).input_fields] == names
