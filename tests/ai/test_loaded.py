"""Models as calls use them: decrypted once, keys in turn, forgotten when they change."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hyperstrate.ai import configurations, registrations
from hyperstrate.ai.configurations import Configuration
from hyperstrate.ai.loaded import loaded
from hyperstrate.shared.chat import Dialect
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import NotFound
from tests.ai.conftest import RULES, Orgs, Registers


def test_a_card_says_what_routing_needs(orgs: Orgs, register: Registers) -> None:
    card = loaded(orgs.acme, register("anthropic/claude-sonnet-4-5").id).card

    assert card.dialects == {Dialect.ANTHROPIC_MESSAGES}
    assert (card.input_price_per_1m, card.output_price_per_1m) == (Decimal(3), Decimal(15))
    assert not card.is_configured
    assert "function_calling" in card.capabilities


def test_keys_are_used_in_turn(orgs: Orgs, register: Registers) -> None:
    made = register("chatgpt/gpt-5", api_key="one", api_key_pool=["two", "three", "one"])
    model = loaded(orgs.acme, made.id)

    keys = [model.registration().api_key for _ in range(6)]

    assert keys == ["one", "two", "three"] * 2


def test_a_registration_has_all_that_a_call_needs(orgs: Orgs, register: Registers) -> None:
    made = register(
        "azure/gpt-4o", base_url="https://x.openai.azure.com", api_secret="2025-01-01",
        extra_headers={"X-Tenant": "acme"}, idle_timeout_secs=3,
    )  # fmt: skip

    registration = loaded(orgs.acme, made.id).registration()

    assert registration.base_url == "https://x.openai.azure.com"
    assert (registration.api_key, registration.api_secret) == ("sk-secret", "2025-01-01")
    assert registration.extra_headers == {"x-tenant": "acme"}
    assert registration.timeouts.idle == 3
    assert registration.max_output_tokens == 16384
    assert "sk-secret" not in repr(registration)


def test_the_output_limit_is_not_that_of_another_model(orgs: Orgs, register: Registers) -> None:
    model = loaded(orgs.acme, register("azure/gpt-4o", "other").id)

    assert model.registration().max_output_tokens is None


def test_a_change_is_seen_at_once(orgs: Orgs, register: Registers) -> None:
    made = register("chatgpt/gpt-5", api_key="old")
    assert loaded(orgs.acme, made.id).registration().api_key == "old"

    with unit_of_work():
        wanted = Configuration(api_key="new")
        configurations.configure(orgs.acme, made.id, wanted, rules=RULES)

    assert loaded(orgs.acme, made.id).registration().api_key == "new"


def test_a_deleted_model_is_gone_at_once(orgs: Orgs, register: Registers) -> None:
    made = register("dummy")
    loaded(orgs.acme, made.id)

    with unit_of_work():
        registrations.delete(orgs.acme, made.id)

    with pytest.raises(NotFound):
        loaded(orgs.acme, made.id)


def test_a_model_without_price_has_no_price_version(orgs: Orgs, register: Registers) -> None:
    assert loaded(orgs.acme, register("chatgpt/gpt-5").id).card.price_version == "2026.11.22"
    assert loaded(orgs.acme, register("chatgpt/gpt-5", "mine").id).card.price_version == ""
