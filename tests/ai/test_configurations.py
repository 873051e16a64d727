"""How a model is reached: kept encrypted, checked, never given out."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from hyperstrate.ai import configurations
from hyperstrate.ai.configurations import Configuration
from hyperstrate.ai.models import REDACTED, ModelConfiguration
from hyperstrate.ai.registrations import Registered
from hyperstrate.shared.crypto import decrypt
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import BadRequest, NotFound
from tests.ai.conftest import RULES, Orgs, Registers


@pytest.fixture
def model(register: Registers) -> Registered:
    return register("chatgpt/gpt-5")


def configure(orgs: Orgs, model: Registered, **wanted: Any) -> ModelConfiguration:
    with unit_of_work():
        return configurations.configure(orgs.acme, model.id, Configuration(**wanted), rules=RULES)


def complaints(orgs: Orgs, model: Registered, **wanted: Any) -> dict[str, list[str]]:
    with pytest.raises(BadRequest) as refused:
        configure(orgs, model, **wanted)
    return refused.value.fields


def test_secrets_are_encrypted_in_every_column(orgs: Orgs, model: Registered) -> None:
    configure(
        orgs, model, api_key="canary-1", api_secret="canary-2", api_key_pool=["canary-3"],
        extra_headers={"X-Tenant": "canary-4"},
    )  # fmt: skip

    row = session.execute(text("SELECT * FROM model_configurations")).one()

    assert "canary" not in repr(tuple(row))


def test_a_blank_key_keeps_the_stored_one(orgs: Orgs, model: Registered) -> None:
    configure(orgs, model, api_key="first", api_secret="secret")

    row = configure(orgs, model, api_key=" ", api_secret="")

    assert (decrypt(row.api_key or ""), decrypt(row.api_secret or "")) == ("first", "secret")


def test_an_omitted_pool_stays_and_an_empty_one_clears(orgs: Orgs, model: Registered) -> None:
    assert configure(orgs, model, api_key_pool=["a", "b", "a", " "]).api_key_pool_size == 2
    assert configure(orgs, model).api_key_pool_size == 2
    assert configure(orgs, model, api_key_pool=[]).api_key_pool_size == 0


def test_a_redacted_header_keeps_its_value_and_others_go(orgs: Orgs, model: Registered) -> None:
    configure(orgs, model, extra_headers={"X-Kept": "1", "X-Gone": "2"})

    row = configure(
        orgs, model, extra_headers={"X-Kept": REDACTED, "X-New": "3", "X-Odd": REDACTED}
    )

    assert {name: decrypt(value) for name, value in row.extra_headers.items()} == {
        "x-kept": "1",
        "x-new": "3",
    }
    assert row.shown_headers == {"x-kept": REDACTED, "x-new": REDACTED}
    assert configure(orgs, model).shown_headers == row.shown_headers


def test_without_an_address_the_providers_own_is_used(orgs: Orgs, model: Registered) -> None:
    assert configure(orgs, model).base_url == "https://api.openai.com/v1"


def test_an_address_is_required_where_there_is_no_default(orgs: Orgs, register: Registers) -> None:
    wrong = complaints(orgs, register("azure/gpt-4o"), api_key="k")

    assert wrong == {"baseUrl": ["this field is required"]}


@pytest.mark.parametrize(
    "address",
    ["http://169.254.169.254/latest", "http://[::ffff:10.0.0.1]/", "ftp://example.com",
     "http://u:p@example.com", "not a url", "dummy://local"],
)  # fmt: skip
def test_an_address_that_must_not_be_called_is_refused(
    orgs: Orgs, model: Registered, address: str
) -> None:
    assert list(complaints(orgs, model, base_url=address)) == ["baseUrl"]


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1", "dummy://local?chunk=1", "dummy://x?fault=no"]
)
def test_dummy_takes_only_directives_it_knows(
    orgs: Orgs, register: Registers, address: str
) -> None:
    assert list(complaints(orgs, register("dummy"), base_url=address)) == ["baseUrl"]


@pytest.mark.parametrize(
    "headers",
    [{"X-A": "one\r\nX-B: two"}, {"X-A": "one\x00"}, {"X A": "one"}, {"": "one"},
     {"X-A\n": "one"}, {"Host": "evil"}, {"Content-Length": "1"}, {"AUTHORIZATION": "Bearer x"},
     {"Transfer-Encoding": "chunked"}, {"Connection": "close"}, {"X-A": "é"},
     {f"X-{number}": "1" for number in range(51)}],
)  # fmt: skip
def test_a_header_that_could_harm_is_refused(
    orgs: Orgs, model: Registered, headers: dict[str, str]
) -> None:
    assert list(complaints(orgs, model, extra_headers=headers)) == ["extraHeaders"]


@pytest.mark.parametrize(
    "wanted", [{"api_key": "a\nb"}, {"api_secret": "a\rb"}, {"api_key_pool": ["a\x00"]}]
)
def test_a_key_with_control_characters_is_refused(
    orgs: Orgs, model: Registered, wanted: dict[str, Any]
) -> None:
    assert len(complaints(orgs, model, **wanted)) == 1


def test_nothing_is_written_when_one_field_is_wrong(orgs: Orgs, model: Registered) -> None:
    wrong = complaints(orgs, model, api_key="fine", base_url="ftp://x", extra_headers={"": ""})

    assert set(wrong) == {"baseUrl", "extraHeaders"}
    with pytest.raises(NotFound):
        configurations.get(orgs.acme, model.id)


def test_times_of_zero_or_less_are_the_defaults(orgs: Orgs, model: Registered) -> None:
    row = configure(orgs, model, timeout_secs=-1, idle_timeout_secs=7.5)

    assert (row.timeout_secs, row.idle_timeout_secs, row.connect_timeout_secs) == (600, 7.5, 5)


def test_reads_the_configurations_of_some_models(orgs: Orgs, register: Registers) -> None:
    with_one, without = register("chatgpt/gpt-5", api_key="k"), register("chatgpt/gpt-5")

    found = configurations.of_models(orgs.acme, [with_one.id, without.id])

    assert [row.model_id for row in found] == [with_one.id]
    assert configurations.of_models(orgs.acme, []) == []


def test_a_stored_key_does_not_go_to_another_address(orgs: Orgs, register: Registers) -> None:
    model = register("chatgpt/gpt-4o")
    first = Configuration(base_url="http://127.0.0.1:1/v1", api_key="sk-secret")
    elsewhere = Configuration(base_url="http://127.0.0.1:2/v1")
    beside = Configuration(base_url="http://127.0.0.1:1/v2")
    configurations.configure(orgs.acme, model.id, first, rules=RULES)

    with pytest.raises(BadRequest) as refused:
        configurations.configure(orgs.acme, model.id, elsewhere, rules=RULES)
    moved = configurations.configure(orgs.acme, model.id, beside, rules=RULES)

    assert refused.value.fields == {"apiKey": ["enter it again: the address has changed"]}
    assert moved.base_url == "http://127.0.0.1:1/v2"
