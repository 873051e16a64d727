"""Lists come in pages, and numbers out of range are brought into it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hyperstrate.prompts.models import Prompt
from hyperstrate.shared.db import session, unit_of_work
from hyperstrate.shared.pagination import MAX_PER_PAGE, Meta, paginate
from tests.people import People

QUERY = select(Prompt).order_by(Prompt.name)


@pytest.fixture
def seven(people: People) -> None:
    """Prompts named 1 to 7."""
    with unit_of_work():
        for number in range(1, 8):
            session.add(Prompt(org_id=people.alice.org_id, name=str(number), content="x"))


@pytest.mark.usefixtures("seven")
@pytest.mark.parametrize(
    ("page", "per_page", "names", "meta"),
    [
        (1, 3, "123", Meta(total=7, count=3, perPage=3, pages=3, page=1)),
        (3, 3, "7", Meta(total=7, count=1, perPage=3, pages=3, page=3)),
        (1, 7, "1234567", Meta(total=7, count=7, perPage=7, pages=1, page=1)),
        (4, 3, "", Meta(total=7, count=0, perPage=3, pages=3, page=4)),
        (0, 3, "123", Meta(total=7, count=3, perPage=3, pages=3, page=1)),
        (-5, 0, "1", Meta(total=7, count=1, perPage=1, pages=7, page=1)),
        (1, 10**9, "1234567", Meta(total=7, count=7, perPage=500, pages=1, page=1)),
        (10**40, 3, "", Meta(total=7, count=0, perPage=3, pages=3, page=10**9)),
    ],
)
def test_a_page_is_a_part_of_the_list(page: int, per_page: int, names: str, meta: Meta) -> None:
    found = paginate(QUERY, page=page, per_page=per_page)

    assert "".join(prompt.name for prompt in found.items) == names
    assert found.meta == meta


@pytest.mark.usefixtures("people")
def test_an_empty_list_has_one_page() -> None:
    found = paginate(QUERY)

    assert list(found.items) == []
    assert found.meta == Meta(total=0, count=0, perPage=30, pages=1, page=1)


@pytest.mark.usefixtures("seven")
def test_what_is_counted_is_what_is_asked_for() -> None:
    found = paginate(QUERY.where(Prompt.name > "5"), per_page=1)

    assert (found.meta.total, found.meta.pages) == (2, 2)
    assert MAX_PER_PAGE == 500
