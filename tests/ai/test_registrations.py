"""Registering, finding, renaming and deleting models."""

from __future__ import annotations

import pytest

from hyperstrate.ai import registrations
from hyperstrate.ai.models import ModelConfiguration
from hyperstrate.events import ModelDeleted, model_deleted
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import NotFound, Unprocessable
from tests.ai.conftest import Orgs, Registers


def test_registers_a_model_of_the_catalog(orgs: Orgs) -> None:
    with unit_of_work():
        made = registrations.register(orgs.acme, "chatgpt/gpt-5", alias="fast")

    found = registrations.get(orgs.acme, made.id)

    assert (found.name, found.upstream_model, found.is_priced) == ("fast", "gpt-5", True)
    assert found.id.startswith("mdl_")


def test_an_unknown_definition_is_not_found(orgs: Orgs) -> None:
    with pytest.raises(NotFound):
        registrations.register(orgs.acme, "chatgpt/none")


def test_a_provider_without_adapter_is_refused(orgs: Orgs) -> None:
    with pytest.raises(Unprocessable, match=r"Gemini models .* cannot be called yet"):
        registrations.register(orgs.acme, "gemini/gemini-2.5-pro")


def test_another_upstream_model_has_no_price(register: Registers) -> None:
    found = register("chatgpt/gpt-5", "gpt-5-of-tomorrow")

    assert found.upstream_model == "gpt-5-of-tomorrow"
    assert not found.is_priced


def test_another_model_on_ones_own_machine_stays_free(register: Registers) -> None:
    found = register("ollama/llama-3.3-70b", "my-finetune:8b")

    assert found.prices is not None
    assert found.prices.is_free


def test_the_definitions_own_name_is_not_another_model(register: Registers) -> None:
    assert register("chatgpt/gpt-5", "gpt-5").is_priced


def test_only_what_needs_a_key_waits_for_its_configuration(register: Registers) -> None:
    assert register("dummy").is_ready
    assert register("ollama/llama-3.3-70b").is_ready
    assert not register("chatgpt/gpt-5").is_ready
    assert not register("azure/gpt-4o").is_ready
    assert register("chatgpt/gpt-5", api_key="sk-1").is_ready
    assert register("chatgpt/gpt-5", api_key="", api_key_pool=["sk-1"]).is_ready
    assert not register("chatgpt/gpt-5", api_key="").is_ready


def test_lists_the_newest_first_in_pages(orgs: Orgs, register: Registers) -> None:
    first, second, third = register("dummy"), register("dummy"), register("chatgpt/gpt-5")

    found = registrations.find(orgs.acme, per_page=2)

    assert [item.id for item in found.items] == [third.id, second.id]
    assert (found.meta.total, found.meta.pages) == (3, 2)
    assert [item.id for item in registrations.find(orgs.acme, page=2, per_page=2).items] == [
        first.id
    ]


@pytest.mark.parametrize("query", ["GPT-5", "openai", "chatgpt/gpt-5", "mine_100%"])
def test_finds_by_alias_key_and_catalog(orgs: Orgs, register: Registers, query: str) -> None:
    register("dummy")
    wanted = register("chatgpt/gpt-5")
    registrations.update(orgs.acme, wanted.id, alias="mine_100%")

    found = registrations.find(orgs.acme, query=query)

    assert [item.id for item in found.items] == [wanted.id]


def test_finds_by_id_and_upstream_name(orgs: Orgs, register: Registers) -> None:
    register("dummy")
    wanted = register("ollama/llama-3.3-70b", "special-llm")

    assert [item.id for item in registrations.find(orgs.acme, query="special").items] == [wanted.id]
    assert [item.id for item in registrations.find(orgs.acme, query=wanted.id).items] == [wanted.id]


def test_finds_those_with_all_capabilities(orgs: Orgs, register: Registers) -> None:
    register("chatgpt/gpt-3.5-turbo-instruct")
    wanted = register("chatgpt/gpt-5")

    found = registrations.find(orgs.acme, capabilities=["vision", "function_calling"])

    assert [item.id for item in found.items] == [wanted.id]
    assert not registrations.find(orgs.acme, query="dummy", capabilities=["vision"]).items


def test_a_wildcard_in_a_query_is_a_letter(orgs: Orgs, register: Registers) -> None:
    register("dummy")

    assert not registrations.find(orgs.acme, query="%").items


def test_names_come_and_go(orgs: Orgs, register: Registers) -> None:
    made = register("chatgpt/gpt-5")

    renamed = registrations.update(orgs.acme, made.id, alias="fast", upstream_model="gpt-9")
    assert (renamed.name, renamed.upstream_model) == ("fast", "gpt-9")

    cleared = registrations.update(orgs.acme, made.id, alias="", upstream_model="")
    assert (cleared.name, cleared.upstream_model) == ("GPT-5", "gpt-5")


def test_deleting_takes_the_keys_along_and_says_so_after_the_commit(
    orgs: Orgs, register: Registers
) -> None:
    made = register("chatgpt/gpt-5", api_key="sk-1")
    heard: list[ModelDeleted] = []
    model_deleted.connect(heard.append)

    with unit_of_work():
        registrations.delete(orgs.acme, made.id)
        assert not heard

    model_deleted.disconnect(heard.append)
    assert heard == [ModelDeleted(orgs.acme, made.id)]
    assert session.query(ModelConfiguration).count() == 0
    with pytest.raises(NotFound):
        registrations.get(orgs.acme, made.id)


def test_keeps_how_the_last_test_went(orgs: Orgs, register: Registers) -> None:
    made = register("dummy")

    with unit_of_work():
        registrations.note_test(orgs.acme, made.id, latency_ms=12.5, error="x" * 2000)

    model = registrations.get(orgs.acme, made.id).model
    assert model.tested_at is not None
    assert (model.test_latency_ms, len(model.test_error)) == (12.5, 1000)
