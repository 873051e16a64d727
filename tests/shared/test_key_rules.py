"""The rules of a key, as requests ask them."""

from __future__ import annotations

from typing import Any

import pytest

from hyperstrate.shared.key_rules import KeyRules, compiled


def rules(**given: Any) -> KeyRules:
    none: dict[str, Any] = {"routers": (), "allowed": (), "denied": (), "networks": ()}
    found = compiled(**{**none, "content_logging": "inherit", **given})
    assert found is not None
    return found


def test_no_rules_are_none() -> None:
    none = compiled(routers=[], allowed=[], denied=[], networks=[], content_logging="inherit")

    assert none is None


@pytest.mark.parametrize(
    ("allowed", "denied", "names", "is_allowed"),
    [
        (["openai/*"], [], ["openai/gpt-5", "gpt-5"], True),
        (["openai/*"], [], ["anthropic/claude", "claude"], False),
        (["gpt-*"], [], ["openai/gpt-5", "gpt-5"], True),
        (["*"], ["*preview*"], ["openai/gpt-5-preview"], False),
        (["openai/gpt-5-preview"], ["openai/*"], ["openai/gpt-5-preview"], False),
        ([], ["openai/*"], ["anthropic/claude"], True),
        (["GPT-5"], [], ["gpt-5"], True),
        ([], ["GPT-5"], ["gpt-5"], False),
        (["gpt-?"], [], ["gpt-55"], False),
        (["gpt"], [], ["gpt-5"], False),
        (["a.b"], [], ["axb"], False),
    ],
)
def test_models_are_globs_and_deny_wins(
    allowed: list[str], denied: list[str], names: list[str], is_allowed: bool
) -> None:
    assert rules(allowed=allowed, denied=denied, content_logging="on").allows(names) is is_allowed


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        ("10.2.3.4", True),
        ("::ffff:10.2.3.4", True),
        ("2001:db8::5", True),
        ("11.2.3.4", False),
        ("2001:db9::5", False),
        ("10.2.3.4:80", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_an_address_is_in_a_network_or_is_not_trusted(address: str, is_trusted: bool) -> None:
    found = rules(networks=["10.0.0.0/8", "2001:db8::/32"])

    assert found.trusts(address) is is_trusted


def test_content_is_kept_as_the_key_says_else_as_usual() -> None:
    assert rules(content_logging="on").stores(False)
    assert not rules(content_logging="off").stores(True)
    assert rules(routers=["rtr_1"]).stores(True)
    assert not rules(routers=["rtr_1"]).stores(False)
