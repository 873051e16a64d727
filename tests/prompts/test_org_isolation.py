"""No service of the prompts that takes an organisation touches another one's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from hyperstrate.prompts import library
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import NotFound
from tests.people import People


@dataclass(frozen=True)
class Own:
    """A prompt of Acme, and the organisation that asks for it."""

    org_id: str
    prompt_id: str
    version_id: str
    other: str


@pytest.fixture
def own(people: People) -> Own:
    org_id = people.alice.org_id
    with unit_of_work():
        prompt_id = library.create(org_id, "Greeting", "Hello").id
    (version,) = library.versions(org_id, prompt_id).items
    return Own(org_id, prompt_id, version.id, people.carol.org_id)


Case = Callable[[Own], object]
NOT_FOUND: dict[str, Case] = {
    "get": lambda own: library.get(own.other, own.prompt_id),
    "load": lambda own: library.load(own.other, own.prompt_id),
    "update": lambda own: library.update(own.other, own.prompt_id, content="Mine"),
    "delete": lambda own: library.delete(own.other, own.prompt_id),
    "versions": lambda own: library.versions(own.other, own.prompt_id),
    "version": lambda own: library.version(own.other, own.prompt_id, own.version_id),
    "restore": lambda own: library.restore(own.other, own.prompt_id, own.version_id),
}
NOTHING: dict[str, Case] = {
    "find": lambda own: library.find(own.other, query="Hello").items,
    "names": lambda own: library.names(own.other),
}
OWN_TEST = {"create"}


def test_every_service_has_a_case() -> None:
    services = {
        name
        for name, found in inspect.getmembers(library, inspect.isfunction)
        if found.__module__ == library.__name__ and not name.startswith("_")
        if "org_id" in inspect.signature(found).parameters
    }

    assert services == {*NOT_FOUND, *NOTHING, *OWN_TEST}


@pytest.mark.parametrize("name", NOT_FOUND)
def test_what_is_anothers_is_not_found_and_stays_as_it_is(own: Own, name: str) -> None:
    with pytest.raises(NotFound), unit_of_work():
        NOT_FOUND[name](own)

    session.expire_all()
    assert library.load(own.org_id, own.prompt_id) == "Hello"
    assert library.versions(own.org_id, own.prompt_id).meta.total == 1


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_anothers_is_in_no_list(own: Own, name: str) -> None:
    assert not NOTHING[name](own)


def test_a_version_is_not_read_through_ones_own_prompt(own: Own) -> None:
    with unit_of_work():
        mine = library.create(own.other, "Mine", "Mine").id

    with pytest.raises(NotFound):
        library.version(own.other, mine, own.version_id)


def test_what_one_makes_is_ones_own(own: Own) -> None:
    with unit_of_work():
        made = library.create(own.other, "Greeting", "Hi")

    assert made.org_id == own.other
    assert list(library.names(own.org_id)) == [own.prompt_id]
