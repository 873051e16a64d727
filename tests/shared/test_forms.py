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
