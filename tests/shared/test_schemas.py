"""Bodies ignore what they do not know, take null for absent, and complain in plain words."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields

from hyperstrate.shared.pagination import Meta, Page
from hyperstrate.shared.schemas import Body, PageArgs, SearchArgs, Text, is_storable, page_of


class Example(Body):
    """A body with a field of each kind."""

    name = Text(required=True, max=5)
    note = Text(min=3)
    raw = Text(strip=False)
    cleared = Text(allow_none=True)
    count = fields.Integer(data_key="howMany")
    share = fields.Float()
    is_on = fields.Boolean(data_key="isOn")
    words = fields.List(Text())
    options = fields.Dict()
    until = fields.DateTime()


def complaints(body: dict[str, Any]) -> Any:
    with pytest.raises(ValidationError) as refused:
        Example().load({"name": "a", **body})
    return refused.value.messages


def test_unknown_fields_are_ignored() -> None:
    assert Example().load({"name": "a", "future": {"x": 1}}) == {"name": "a"}


def test_null_is_as_good_as_absent_where_it_is_not_meant() -> None:
    body = {"name": "a", "note": None, "howMany": None, "words": None, "cleared": None}

    assert Example().load(body) == {"name": "a", "cleared": None}


def test_space_around_a_text_goes_unless_it_is_meant() -> None:
    assert Example().load({"name": " a ", "raw": " b "}) == {"name": "a", "raw": " b "}


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": ""}, {"name": "  "}])
def test_what_is_required_must_be_there(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        Example().load(body)

    assert refused.value.messages == {"name": ["this field is required"]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": 7}, "must be text"),
        ({"name": ["a"]}, "must be text"),
        ({"name": "abcdef"}, "must be at most 5 characters"),
        ({"note": "ab"}, "must be at least 3 characters"),
        ({"name": "a\0"}, "has characters that cannot be stored"),
        ({"name": "\ud800"}, "has characters that cannot be stored"),
        ({"howMany": "many"}, "must be a whole number"),
        ({"share": "half"}, "must be a number"),
        ({"isOn": "perhaps"}, "must be true or false"),
        ({"words": "a"}, "must be a list"),
        ({"options": []}, "must be an object"),
        ({"until": "tomorrow"}, "must be a time such as 2027-01-31T00:00:00Z"),
    ],
)
def test_a_complaint_is_in_plain_words(body: dict[str, Any], words: str) -> None:
    (field,) = body

    assert complaints(body) == {field: [words]}


@pytest.mark.parametrize("body", ["text", 7, [1], None])
def test_what_is_no_object_is_refused(body: Any) -> None:
    with pytest.raises(ValidationError):
        Example().load(body)


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("", True),
        ("plain", True),
        ("ünï 😀", True),
        ("a\0b", False),
        (chr(0xD83D), False),
        (chr(0xDFFF), False),
    ],
)
def test_text_that_no_database_keeps(text: str, is_kept: bool) -> None:
    assert is_storable(text) is is_kept


def test_pages_have_defaults_and_complain_alike() -> None:
    assert PageArgs().load({}) == {"page": 1, "per_page": 30}
    assert SearchArgs().load({"query": " a ", "perPage": "5"})["query"] == "a"
    with pytest.raises(ValidationError) as refused:
        PageArgs().load({"page": "first"})
    assert refused.value.messages == {"page": ["must be a whole number"]}


def test_a_page_is_written_in_its_envelope() -> None:
    class ThingSchema(Schema):
        id = fields.String()

    schema = page_of(ThingSchema)
    found = schema().dump(Page([{"id": "a"}], Meta(1, 1, 30, 1, 1)))

    assert schema.__name__ == "ThingPage"
    assert found == {
        "items": [{"id": "a"}],
        "meta": {"total": 1, "count": 1, "perPage": 30, "pages": 1, "page": 1},
    }
