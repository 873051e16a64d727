"""What an ID token must say."""

from __future__ import annotations

from typing import Any

import pytest

from hyperstrate.auth.sso.claims import Untrusted, account_of, check, groups_of

NOW = 1_800_000_000.0
CLAIMS: dict[str, Any] = {
    "iss": "https://idp.example",
    "sub": "s",
    "aud": "us",
    "exp": NOW + 300,
    "iat": NOW,
    "nonce": "n",
    "email": " Dana@Example.com ",
    "email_verified": True,
}


def checked(**changes: Any) -> None:
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    issuer, audience = "https://idp.example", "us"
    check(claims, now_s=NOW, issuer=issuer, audience=audience, nonce="n", max_age_s=900)


def test_takes_an_honest_token() -> None:
    checked()
    checked(aud=["us", "them"], azp="us")
    checked(exp=NOW - 30, iat=NOW + 30, nbf=NOW + 30)  # clocks differ a little


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"iss": "https://idp.example/"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"sub": None}, "nobody"),
        ({"sub": ""}, "nobody"),
        ({"sub": 7}, "nobody"),
        ({"aud": "them"}, "aud"),
        ({"aud": None}, "aud"),
        ({"aud": ["us", "them"]}, "azp"),
        ({"aud": ["us", "them"], "azp": "them"}, "azp"),
        ({"azp": "them"}, "azp"),
        ({"exp": NOW - 61}, "expired"),
        ({"exp": None}, "expired"),
        ({"exp": "tomorrow"}, "expired"),
        ({"exp": True}, "expired"),
        ({"exp": float("nan")}, "expired"),
        ({"nbf": NOW + 61}, "not valid yet"),
        ({"nbf": "soon"}, "not valid yet"),
        ({"iat": NOW + 61}, "future"),
        ({"iat": NOW - 961}, "long ago"),
        ({"iat": None}, "when it was issued"),
        ({"nonce": "other"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": ["n"]}, "nonce"),
    ],
)
def test_refuses_what_is_forged_or_stale(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(Untrusted, match=why):
        checked(**wrong)


def test_the_e_mail_is_kept_in_lower_case() -> None:
    account = account_of(
        {**CLAIMS, "name": "Dana", "groups": ["b", "a", "a"]}, groups_claim="groups"
    )

    assert (account.email, account.name, account.groups) == ("dana@example.com", "Dana", ("a", "b"))


@pytest.mark.parametrize(
    "email", [None, "", 7, "dana", "@example.com", "a b@example.com", "a\0@b.c"]
)
def test_refuses_an_e_mail_that_is_none(email: Any) -> None:
    with pytest.raises(Untrusted, match="e-mail"):
        account_of({**CLAIMS, "email": email}, groups_claim="groups")


@pytest.mark.parametrize("said", [False, None, "false", 1, "yes", []])
def test_refuses_an_e_mail_that_was_not_verified(said: Any) -> None:
    with pytest.raises(Untrusted, match="not verified"):
        account_of({**CLAIMS, "email_verified": said}, groups_claim="groups")


def test_what_people_write_into_their_profile_verifies_nothing() -> None:
    claims = {**CLAIMS, "email_verified": None, "user_metadata": {"email_verified": True}}

    with pytest.raises(Untrusted, match="not verified"):
        account_of(claims, groups_claim="groups")


@pytest.mark.parametrize(
    ("claims", "name", "groups"),
    [
        ({"groups": ["a", 7, "", None]}, "groups", ("a",)),
        ({"groups": "a"}, "groups", ("a",)),
        ({"groups": {"a": 1}}, "groups", ()),
        ({}, "groups", ()),
        ({"groups": ["a"]}, "", ()),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ("a",)),
        ({"https://x.example/groups": ["a"]}, "https://x.example/groups", ("a",)),
        ({"_claim_names": {"groups": "src1"}}, "groups", None),
        ({"hasgroups": True}, "groups", None),
    ],
)
def test_reads_groups(claims: dict[str, Any], name: str, groups: tuple[str, ...] | None) -> None:
    assert groups_of(claims, name) == groups


@pytest.mark.parametrize("subject", ["x" * 256, "a\0b", "\ud800"])
def test_refuses_a_subject_that_cannot_be_kept(subject: str) -> None:
    with pytest.raises(Untrusted, match="subject"):
        account_of({**CLAIMS, "sub": subject}, groups_claim="groups")
