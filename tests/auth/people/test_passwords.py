"""Passwords: hashed, checked, and a nobody's hash that costs as much."""

from __future__ import annotations

from hyperstrate.auth.people import passwords


def test_a_password_matches_its_own_hash_only() -> None:
    kept = passwords.hashed("correct horse battery staple")

    assert kept.startswith("$argon2id$")
    assert passwords.matches(kept, "correct horse battery staple")
    assert not passwords.matches(kept, "correct horse battery stapler")


def test_the_same_password_is_kept_differently_each_time() -> None:
    assert passwords.hashed("correct horse") != passwords.hashed("correct horse")


def test_keyboards_that_write_a_letter_differently_agree() -> None:
    kept = passwords.hashed("pass\u00fcberwort")

    assert passwords.matches(kept, "passu\u0308berwort")


def test_without_a_hash_nothing_matches() -> None:
    assert not passwords.matches(None, "nobody has this password")


def test_nobody_s_hash_costs_what_a_new_one_costs() -> None:
    assert not passwords.is_outdated(passwords._NOBODYS_HASH)
    assert not passwords.is_outdated(passwords.hashed("correct horse"))


def test_a_damaged_hash_matches_nothing() -> None:
    assert not passwords.matches("not a hash", "correct horse")
