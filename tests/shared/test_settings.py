"""One dataclass gives a stage's types, defaults, validation, JSON Schema and form fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from hyperstrate.shared.errors import BadRequest
from hyperstrate.shared.settings import dump, fields_of, load, schema_of, setting


def _is_even(value: int) -> str | None:
    return None if value % 2 == 0 else "must be even"


@dataclass(frozen=True)
class Config:
    name: str = setting(..., max_length=5, help="What it is called")
    count: int = setting(3, min=0, max=10_000_000, help="How many")
    share: float = setting(0.5, min=0, max=1, help="Which part")
    is_on: bool = setting(True, help="Whether it runs")
    mode: Literal["fast", "slow"] = setting("fast", help="How it runs")
    words: list[str] = setting([], max_items=2, max_length=3, help="Which words")
    numbers: list[int] = setting([1], help="Which numbers")
    limits: dict[str, Any] = setting({}, help="By name")
    even: int = setting(2, check=_is_even, label="Even number", help="Must be even")


def complaint(**values: Any) -> dict[str, list[str]]:
    with pytest.raises(BadRequest) as refused:
        load(Config, {"name": "a", **values})
    return refused.value.fields


def test_what_is_left_out_has_its_default() -> None:
    config = load(Config, {"name": "a"})

    assert config == Config(name="a")
    assert dump(config) == {
        "name": "a", "count": 3, "share": 0.5, "is_on": True, "mode": "fast", "words": [],
        "numbers": [1], "limits": {}, "even": 2,
    }  # fmt: skip


def test_what_is_dumped_loads_again() -> None:
    config = load(Config, {"name": "a", "words": ["x"], "limits": {"a": [1]}, "share": 1})

    assert load(Config, dump(config)) == config
    assert isinstance(config.share, float)


def test_null_is_as_good_as_absent() -> None:
    assert load(Config, {"name": "a", "count": None, "words": None}) == Config(name="a")


def test_a_default_is_nobody_elses() -> None:
    first, second = load(Config, {"name": "a"}), load(Config, {"name": "b"})

    assert first.words is not second.words
    assert first.limits is not second.limits


def test_a_required_setting_must_be_there() -> None:
    for values in ({}, {"name": None}):
        with pytest.raises(BadRequest) as refused:
            load(Config, values)
        assert refused.value.fields == {"name": ["this field is required"]}


def test_every_wrong_field_is_named_at_once() -> None:
    assert set(complaint(count="x", words=7, nonsense=1)) == {"count", "words", "nonsense"}
    assert complaint(nonsense=1) == {"nonsense": ["unknown setting"]}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("name", 7, "must be text"),
        ("name", "abcdef", "must be at most 5 characters"),
        ("name", "a\0", "has characters that cannot be stored"),
        ("name", "\ud800", "has characters that cannot be stored"),
        ("count", "3", "must be a whole number"),
        ("count", 3.0, "must be a whole number"),
        ("count", True, "must be a whole number"),
        ("count", -1, "must be at least 0"),
        ("count", 10_000_001, "must be at most 10000000"),
        ("count", 10**400, "must be at most 10000000"),
        ("share", "0.5", "must be a number"),
        ("share", True, "must be a number"),
        ("share", float("nan"), "must be a number"),
        ("share", float("inf"), "must be a number"),
        ("share", -float("inf"), "must be a number"),
        ("share", 10**400, "must be a number"),
        ("share", 1.01, "must be at most 1"),
        ("share", -0.01, "must be at least 0"),
        ("is_on", 1, "must be true or false"),
        ("is_on", "true", "must be true or false"),
        ("mode", "medium", "must be one of: fast slow"),
        ("mode", ["fast"], "must be one of: fast slow"),
        ("words", "abc", "must be a list"),
        ("words", {"a": 1}, "must be a list"),
        ("words", ["a", 7], "item 2 must be text"),
        ("words", ["a", "b\0"], "item 2 has characters that cannot be stored"),
        ("words", ["a", "b", "c"], "must have at most 2 items"),
        ("words", ["abcd"], "must be at most 3 characters"),
        ("numbers", [1, True], "item 2 must be a whole number"),
        ("limits", [], "must be an object"),
        ("even", 3, "must be even"),
        ("even", "4", "must be a whole number"),
    ],
)
def test_nonsense_is_refused_in_plain_words(name: str, value: Any, words: str) -> None:
    assert complaint(**{name: value}) == {name: [words]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "ünï"), ("name", ""), ("count", 0), ("count", 10_000_000), ("share", 0),
        ("share", 1), ("share", 1.0), ("is_on", False), ("mode", "slow"), ("words", ["abc", ""]),
        ("numbers", []), ("limits", {"a": {"b": None}}), ("even", -4),
    ],
)  # fmt: skip
def test_what_is_just_within_the_limits_is_taken(name: str, value: Any) -> None:
    assert getattr(load(Config, {"name": "a", name: value}), name) == value


def test_the_schema_says_what_load_does() -> None:
    schema = schema_of(Config)

    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["name"]
    assert schema["properties"] == {
        "name": {"type": "string", "maxLength": 5, "description": "What it is called"},
        "count": {
            "type": "integer", "minimum": 0, "maximum": 10_000_000, "description": "How many",
            "default": 3,
        },
        "share": {
            "type": "number", "minimum": 0, "maximum": 1, "description": "Which part",
            "default": 0.5,
        },
        "is_on": {"type": "boolean", "description": "Whether it runs", "default": True},
        "mode": {
            "type": "string", "enum": ["fast", "slow"], "description": "How it runs",
            "default": "fast",
        },
        "words": {
            "type": "array", "items": {"type": "string"}, "maxItems": 2,
            "description": "Which words", "default": [],
        },
        "numbers": {
            "type": "array", "items": {"type": "integer"}, "description": "Which numbers",
            "default": [1],
        },
        "limits": {"type": "object", "description": "By name", "default": {}},
        "even": {"type": "integer", "description": "Must be even", "default": 2},
    }  # fmt: skip


def test_a_config_without_required_settings_requires_nothing() -> None:
    @dataclass(frozen=True)
    class Empty:
        pass

    assert schema_of(Empty) == {"type": "object", "additionalProperties": False, "properties": {}}
    assert load(Empty, {}) == Empty()


def test_fields_are_labelled_for_people() -> None:
    fields = {field.name: field for field in fields_of(Config)}

    assert list(fields) == [
        "name", "count", "share", "is_on", "mode", "words", "numbers", "limits", "even",
    ]  # fmt: skip
    assert (fields["is_on"].label, fields["even"].label) == ("Is on", "Even number")
    assert (fields["mode"].choices, fields["name"].choices) == (("fast", "slow"), ())
    assert [field.is_required for field in fields.values()] == [True] + [False] * 8
