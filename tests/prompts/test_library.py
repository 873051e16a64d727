"""Prompts keep every version, refuse broken placeholders, and tell the routers what changed."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from hyperstrate.ai import registrations
from hyperstrate.prompts import library
from hyperstrate.prompts.models import PromptVersion
from hyperstrate.router import parts, routers
from hyperstrate.router.parts import TargetChanges
from hyperstrate.shared.cache import CacheVersion
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.errors import BadRequest, Conflict, NotFound
from tests.people import People


@pytest.fixture
def org_id(people: People) -> str:
    return people.alice.org_id


@pytest.fixture
def prompt_id(org_id: str) -> str:
    with unit_of_work():
        return library.create(org_id, "Greeting", "Hello {{name}}").id


def history(org_id: str, prompt_id: str) -> list[tuple[int, str, str]]:
    found = library.versions(org_id, prompt_id).items
    return [(version.version, version.name, version.content) for version in found]


def bumps() -> int:
    query = select(CacheVersion.version).where(CacheVersion.topic == "prompts")
    return session.scalar(query) or 0


def test_a_new_prompt_has_a_first_version(org_id: str, prompt_id: str) -> None:
    assert history(org_id, prompt_id) == [(1, "Greeting", "Hello {{name}}")]
    assert library.get(org_id, prompt_id).variables == ["name"]
    assert library.load(org_id, prompt_id) == "Hello {{name}}"


def test_a_new_text_or_name_is_a_new_version(org_id: str, prompt_id: str) -> None:
    with unit_of_work():
        library.update(org_id, prompt_id, content="Bye {{name}}, {{when}} {{name}}")
    with unit_of_work():
        library.update(org_id, prompt_id, name="Farewell")

    assert history(org_id, prompt_id) == [
        (3, "Farewell", "Bye {{name}}, {{when}} {{name}}"),
        (2, "Greeting", "Bye {{name}}, {{when}} {{name}}"),
        (1, "Greeting", "Hello {{name}}"),
    ]
    assert library.get(org_id, prompt_id).variables == ["name", "when"]


def test_a_new_description_is_no_version(org_id: str, prompt_id: str) -> None:
    before = bumps()

    with unit_of_work():
        library.update(org_id, prompt_id, description="For the shop", content="Hello {{name}}")

    assert library.get(org_id, prompt_id).description == "For the shop"
    assert len(history(org_id, prompt_id)) == 1
    assert bumps() == before


def test_an_old_version_comes_back_as_a_new_one(org_id: str, prompt_id: str) -> None:
    with unit_of_work():
        library.update(org_id, prompt_id, name="Farewell", content="Bye")
    (first,) = [row for row in library.versions(org_id, prompt_id).items if row.version == 1]

    with unit_of_work():
        library.restore(org_id, prompt_id, first.id)
        restored = library.restore(org_id, prompt_id, first.id)

    assert (restored.name, restored.content) == ("Greeting", "Hello {{name}}")
    assert restored.variables == ["name"]
    assert [number for number, _, _ in history(org_id, prompt_id)] == [4, 3, 2, 1]


def test_a_version_of_another_prompt_is_not_restored(org_id: str, prompt_id: str) -> None:
    with unit_of_work():
        other = library.create(org_id, "Other", "Other").id
    (foreign,) = library.versions(org_id, other).items

    with pytest.raises(NotFound), unit_of_work():
        library.restore(org_id, prompt_id, foreign.id)

    assert library.load(org_id, prompt_id) == "Hello {{name}}"


@pytest.mark.parametrize("content", ["Hello {{name", "{{first name}}", "{{}}", "{{a-b}}"])
def test_a_broken_placeholder_is_refused(org_id: str, prompt_id: str, content: str) -> None:
    with pytest.raises(BadRequest) as created, unit_of_work():
        library.create(org_id, "Broken", content)
    with pytest.raises(BadRequest) as changed, unit_of_work():
        library.update(org_id, prompt_id, content=content)

    assert list(created.value.fields) == list(changed.value.fields) == ["content"]
    assert len(history(org_id, prompt_id)) == 1
    assert library.find(org_id).meta.total == 1


def test_two_who_save_at_once_do_not_make_one_version(
    app: Flask, org_id: str, prompt_id: str
) -> None:
    """The second one read the highest number before the first had saved."""
    (first,) = library.versions(org_id, prompt_id).items
    rivals = [lambda: library.restore(org_id, prompt_id, first.id)]

    def be_quicker(flushing: Session, *_: object) -> None:
        if flushing.new and rivals:
            with app.app_context(), unit_of_work():
                rivals.pop()()

    event.listen(session(), "before_flush", be_quicker)
    with pytest.raises(Conflict), unit_of_work():
        library.restore(org_id, prompt_id, first.id)

    assert [number for number, _, _ in history(org_id, prompt_id)] == [2, 1]


def test_a_deleted_prompt_is_gone_with_its_versions(org_id: str, prompt_id: str) -> None:
    before = bumps()

    with unit_of_work():
        library.delete(org_id, prompt_id)

    with pytest.raises(NotFound):
        library.load(org_id, prompt_id)
    assert session.scalars(select(PromptVersion)).all() == []
    assert bumps() == before + 1


def test_a_prompt_in_use_stays_and_its_routers_are_named(org_id: str, prompt_id: str) -> None:
    with unit_of_work():
        model_id = registrations.register(org_id, "dummy").id
    with unit_of_work():
        routers.create(org_id, "sales", strategy="failover", prompt_id=prompt_id)
        support = routers.create(org_id, "support", strategy="failover").id
        routers.create(org_id, "other", strategy="failover")
        target = parts.add_target(org_id, support, model_id=model_id, prompt_id=prompt_id).id

    with pytest.raises(Conflict) as refused, unit_of_work():
        library.delete(org_id, prompt_id)
    assert "the routers sales, support first" in refused.value.message
    assert library.load(org_id, prompt_id) == "Hello {{name}}"

    with unit_of_work():
        parts.update_target(org_id, support, target, TargetChanges(prompt_id=""))
    with pytest.raises(Conflict, match="the router sales first"), unit_of_work():
        library.delete(org_id, prompt_id)


def test_of_many_routers_some_are_named(org_id: str, prompt_id: str) -> None:
    with unit_of_work():
        for number in range(7):
            routers.create(org_id, f"r{number}", strategy="failover", prompt_id=prompt_id)

    with pytest.raises(Conflict, match="r0, r1, r2, r3, r4 and 2 more first"), unit_of_work():
        library.delete(org_id, prompt_id)


@pytest.mark.parametrize("query", ["greet", "SHOP", "hello", "{id}"])
def test_prompts_are_found_by_id_name_description_and_content(
    org_id: str, prompt_id: str, query: str
) -> None:
    with unit_of_work():
        library.update(org_id, prompt_id, description="For the shop")
        library.create(org_id, "Other", "Other")

    found = library.find(org_id, query=query.format(id=prompt_id))

    assert [prompt.id for prompt in found.items] == [prompt_id]


def test_names_come_in_their_order(org_id: str, prompt_id: str) -> None:
    with unit_of_work():
        first = library.create(org_id, "A first one", "x").id

    assert list(library.names(org_id).items()) == [(first, "A first one"), (prompt_id, "Greeting")]
