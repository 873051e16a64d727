"""Names of models that are one."""

from __future__ import annotations

import pytest

from hyperstrate.auth.books.model_names import OneName, plain
from hyperstrate.auth.ports import ModelNames


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4.1-2025-04-14", "GPT-4.1"),
        ("openai/gpt-4.1", "gpt-4.1"),
        ("claude-haiku-4-5-20251001", "Claude Haiku 4.5"),
        ("claude-opus-4-1-latest", "Claude Opus 4.1 (deprecated)"),
        ("gpt-4-0613", "gpt-4"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
    ],
)
def test_owner_date_and_spelling_make_no_other_model(theirs: str, ours: str) -> None:
    assert plain(theirs) == plain(ours)


def test_what_differs_by_more_is_another_model() -> None:
    names = {"gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "claude-sonnet-4-5", "模型"}

    assert len({plain(name) for name in names}) == len(names)


def test_every_name_of_a_registration_leads_to_the_one_in_use() -> None:
    names = OneName(
        [
            ModelNames("a", "OPENAI", ("ft:special", "gpt-4o", "GPT-4o")),
            ModelNames("b", "OPENAI", ("gpt-4o-mini", "gpt-4o-mini", "GPT-4o mini")),
        ]
    )

    assert names.of("gpt-4o-2024-08-06") == "ft:special"
    assert names.of("gpt-4o-mini-2024-07-18") == "gpt-4o-mini"


def test_a_name_in_use_comes_before_what_another_registration_is_called_as_well() -> None:
    names = OneName(
        [
            ModelNames("a", "OPENAI", ("ft:special", "gpt-4o")),
            ModelNames("b", "OPENAI", ("gpt-4o",)),
        ]
    )

    assert names.of("gpt-4o-2024-08-06") == "gpt-4o"


def test_a_model_that_is_not_known_has_the_name_that_came_first() -> None:
    names = OneName([])

    assert names.of("o3-2025-04-16") == names.of("o3") == "o3-2025-04-16"
