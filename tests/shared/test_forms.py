"""A stage's form shows its settings, and comes back as the JSON that they are kept in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest
from werkzeug.datastructures import MultiDict

from hyperstrate.shared.errors import BadRequest
from hyperstrate.shared.forms import fields, read
from hyperstrate.shared.settings import setting


@dataclass(frozen=True)
class Config:
    prompt: str = setting(..., widget="textarea", max_length=20)
    tries: int = setting(3, min=0, max=10, help="How often")
    share: float = setting(0.5, min=0, max=1)
    action: Literal["mask", "block"] = setting("mask")
    is_strict: bool = setting(True)
    words: list[str] = setting(["a"])
    rules: list[dict[str, Any]] = setting([])
    extra: dict[str, Any] = setting({"k": 1})


@dataclass(frozen=True)
class Row:
    most: float = setting(...)
    period: Literal["daily", "weekly"] = setting("weekly")
    place: str = setting("", widget="place")


@dataclass(frozen=True)
class Table:
    rows: dict[str, Row] = setting({}, widget="team")


CHOICES = {"team": [("t1", "Blue"), ("t2", "Red")], "place": [("p1", "Here")]}
POSTED = {
    "prompt": "Be brief.\r\nBe kind.",
    "tries": "5",
    "share": " 0.25 ",
    "action": "block",
    "words": "one\r\n\r\n two \r\n",
    "rules": '[{"a": 1}]',
    "extra": "",
}


def refusal(**changes: str) -> dict[str, list[str]]:
    with pytest.raises(BadRequest) as refused:
        read(Config, MultiDict(POSTED | changes))
    return refused.value.fields


def test_a_posted_form_becomes_json() -> None:
    values = read(Config, MultiDict(POSTED))

    assert values == {
        "prompt": "Be brief.\nBe kind.",
        "tries": 5,
        "share": 0.25,
        "action": "block",
        "is_strict": False,
        "words": ["one", "two"],
        "rules": [{"a": 1}],
        "extra": {"k": 1},
    }


def test_what_is_shown_is_read_back_the_same() -> None:
    kept = read(Config, MultiDict(POSTED | {"is_strict": "true"}))

    shown = {field.name: field.value for field in fields(Config, kept)}
    posted = {name: str(value) for name, value in shown.items() if value is not False}

    assert read(Config, MultiDict(posted)) == kept


def test_each_type_has_its_kind_of_field() -> None:
    kinds = {field.name: field.kind for field in fields(Config)}

    assert kinds == {
        "prompt": "textarea",
        "tries": "number",
        "share": "number",
        "action": "select",
        "is_strict": "checkbox",
        "words": "lines",
        "rules": "json",
        "extra": "json",
    }


def test_fields_carry_limits_help_and_choices() -> None:
    by_name = {field.name: field for field in fields(Config)}

    tries, action = by_name["tries"], by_name["action"]
    assert (tries.label, tries.help, tries.min, tries.max, tries.step) == (
        "Tries",
        "How often",
        0,
        10,
        "1",
    )
    assert action.choices == ("mask", "block")
    assert by_name["prompt"].is_required
    assert by_name["prompt"].max_length == 20


def test_a_refused_form_shows_what_was_typed() -> None:
    typed = MultiDict({"tries": "many", "words": "x\ny", "extra": "{"})

    values = {field.name: field.value for field in fields(Config, {"tries": 7}, posted=typed)}

    assert values["tries"] == "many"
    assert values["words"] == "x\ny"
    assert values["extra"] == "{"
    assert values["is_strict"] is False


@pytest.mark.parametrize(
    ("name", "typed", "complaint"),
    [
        ("tries", "many", "must be a whole number"),
        ("tries", "1.5", "must be a whole number"),
        ("tries", "11", "must be at most 10"),
        ("share", "nan", "must be a number"),
        ("share", "inf", "must be a number"),
        ("share", "2", "must be at most 1"),
        ("action", "delete", "must be one of: mask block"),
        ("extra", "[]", "must be an object"),
        ("rules", "{}", "must be a list"),
        ("prompt", "  ", "this field is required"),
    ],
)
def test_a_wrong_value_is_named_by_field(name: str, typed: str, complaint: str) -> None:
    assert refusal(**{name: typed}) == {name: [complaint]}


def test_all_wrong_fields_are_named_at_once() -> None:
    complaints = refusal(tries="many", share="2", extra="{")

    assert set(complaints) == {"tries", "share", "extra"}
    assert complaints["extra"][0].startswith("is not JSON")


def test_an_empty_number_means_the_default() -> None:
    assert read(Config, MultiDict(POSTED | {"tries": ""}))["tries"] == 3


def test_a_table_has_a_row_for_every_entry_and_an_empty_one() -> None:
    kept = {"rows": {"t2": {"most": 1234567.89, "period": "daily", "place": "p1"}}}

    [table] = fields(Table, kept, choices=CHOICES)

    assert table.kind == "table"
    assert [[cell.name for cell in row] for row in table.rows] == [
        [f"rows.{number}.{name}" for name in ("key", "most", "period", "place")]
        for number in (0, 1)
    ]
    assert [[cell.value for cell in row] for row in table.rows] == [
        ["t2", "1234567.89", "daily", "p1"],
        ["", "", "weekly", ""],
    ]
    assert [cell.kind for cell in table.rows[0]] == ["select", "number", "select", "select"]
    assert table.rows[0][0].choices == (("", "–"), ("t1", "Blue"), ("t2", "Red"))
    assert not any(cell.is_required for cell in table.rows[1])


def test_a_table_leaves_out_what_is_gone() -> None:
    kept = {"rows": {"t9": {"most": 1, "period": "daily", "place": ""}}}

    [table] = fields(Table, kept, choices=CHOICES)

    assert [[cell.value for cell in row] for row in table.rows] == [["", "", "weekly", ""]]


def test_a_posted_table_becomes_json_without_its_empty_rows() -> None:
    posted = {
        "rows.0.key": "t1", "rows.0.most": "2.5", "rows.0.period": "daily", "rows.0.place": "p1",
        "rows.7.key": "t2", "rows.7.most": "3", "rows.7.period": "weekly", "rows.7.place": "",
        "rows.8.key": "", "rows.8.most": "", "rows.8.period": "weekly", "rows.8.place": "",
    }  # fmt: skip

    values = read(Table, MultiDict(posted))

    assert values == {
        "rows": {
            "t1": {"most": 2.5, "period": "daily", "place": "p1"},
            "t2": {"most": 3, "period": "weekly", "place": ""},
        }
    }


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ({"key": "", "most": "2"}, "item 2 names no team"),
        ({"key": "t1", "most": "2"}, "item 2 names the same team"),
        ({"key": "t2", "most": ""}, "item 2: most this field is required"),
        ({"key": "t2", "most": "many"}, "must be a number"),
        ({"key": "t2", "most": "2", "period": "never"},
         "item 2: period must be one of: daily weekly"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_named_and_stays_as_typed(cells: dict[str, str], complaint: str) -> None:
    posted = {"rows.0.key": "t1", "rows.0.most": "1"}
    posted |= {f"rows.1.{name}": text for name, text in cells.items()}

    with pytest.raises(BadRequest) as refused:
        read(Table, MultiDict(posted))
    [table] = fields(Table, posted=MultiDict(posted), choices=CHOICES)

    assert refused.value.fields == {"rows": [complaint]}
    assert table.rows[1][1].value == cells["most"]
    assert len(table.rows) == 3
