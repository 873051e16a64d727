"""No service shows or changes what belongs to another organization."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hyperstrate.ai import configurations, registrations
from hyperstrate.ai.configurations import Configuration
from hyperstrate.ai.inference import Inference
from hyperstrate.ai.loaded import loaded
from hyperstrate.shared.chat import ChatRequest, Conversation, Dialect
from hyperstrate.shared.errors import NotFound
from hyperstrate.shared.inference import Cancellation
from tests.ai.conftest import RULES, Orgs, Registers

CHAT = ChatRequest(Dialect.NATIVE, {}, lambda _: Conversation([]))


@pytest.mark.parametrize(
    "service",
    [
        lambda org, id: registrations.get(org, id),
        lambda org, id: registrations.update(org, id, alias="mine"),
        lambda org, id: registrations.delete(org, id),
        lambda org, id: registrations.note_test(org, id, latency_ms=1, error=""),
        lambda org, id: configurations.get(org, id),
        lambda org, id: configurations.configure(org, id, Configuration(), rules=RULES),
        lambda org, id: loaded(org, id),
    ],
    ids=["get", "update", "delete", "note_test", "configuration", "configure", "loaded"],
)
def test_another_organizations_model_is_not_found(
    orgs: Orgs, register: Registers, service: Callable[[str, str], object]
) -> None:
    made = register("dummy", base_url="dummy://local")
    loaded(orgs.acme, made.id)

    with pytest.raises(NotFound):
        service(orgs.globex, made.id)

    assert registrations.get(orgs.acme, made.id).model.alias is None


@pytest.mark.parametrize(
    "call",
    [
        lambda inference, org, id: inference.card(org, id),
        lambda inference, org, id: inference.send(org, id, CHAT, Cancellation()),
        lambda inference, org, id: inference.test(org, id),
    ],
    ids=["card", "send", "test"],
)
def test_another_organizations_model_cannot_be_called(
    orgs: Orgs,
    register: Registers,
    inference: Inference,
    call: Callable[[Inference, str, str], object],
) -> None:
    made = register("dummy")
    loaded(orgs.acme, made.id)

    with pytest.raises(NotFound):
        call(inference, orgs.globex, made.id)


def test_another_organizations_models_are_in_no_list(orgs: Orgs, register: Registers) -> None:
    made = register("dummy", base_url="dummy://local")

    assert not registrations.find(orgs.globex).items
    assert not registrations.find(orgs.globex, query="dummy").items
    assert not registrations.named(orgs.globex, [made.id])
    assert not configurations.of_models(orgs.globex, [made.id])


def test_what_one_registers_is_ones_own(orgs: Orgs) -> None:
    made = registrations.register(orgs.globex, "dummy")

    assert made.model.org_id == orgs.globex
