"""Secrets come back only with their keys; API keys tell their own mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet

from hyperstrate.shared import crypto

OLD, NEW, FOREIGN = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto, "_keys", ())
    crypto.configure([NEW, OLD])


def test_a_secret_comes_back_and_is_not_readable_at_rest() -> None:
    sealed = crypto.encrypt("sk-ünïcode")

    assert "ünïcode" not in sealed
    assert crypto.decrypt(sealed) == "sk-ünïcode"


def test_an_older_key_still_opens_and_rotation_seals_with_the_newest() -> None:
    crypto.configure([OLD])
    sealed = crypto.encrypt("secret")
    crypto.configure([NEW, OLD])

    rotated = crypto.rotate(sealed)

    assert crypto.decrypt(sealed) == "secret"
    assert Fernet(NEW).decrypt(rotated) == b"secret"


def test_the_age_of_a_secret_is_that_of_its_key() -> None:
    sealed = {key: Fernet(key).encrypt(b"x").decode() for key in (NEW, OLD, FOREIGN)}

    ages = {key: crypto.age(text) for key, text in sealed.items()}

    assert ages == {NEW: 0, OLD: 1, FOREIGN: None}
    assert crypto.count_keys() == 2


@pytest.mark.parametrize("call", [crypto.decrypt, crypto.rotate])
@pytest.mark.parametrize(
    "value",
    [Fernet(FOREIGN).encrypt(b"x").decode(), "nonsense", "", "ö"],
    ids=["of another key", "nonsense", "empty", "not ascii"],
)
def test_a_value_of_another_key_is_refused_with_a_clear_message(
    call: Callable[[str], str], value: str
) -> None:
    with pytest.raises(crypto.UnreadableSecret, match="SECRET_KEYS"):
        call(value)


def test_nothing_is_sealed_before_keys_are_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto, "_keys", ())

    with pytest.raises(RuntimeError, match="configure"):
        crypto.encrypt("secret")


def test_an_api_key_has_its_form_and_a_valid_checksum() -> None:
    keys = {crypto.new_api_key() for _ in range(200)}

    assert len(keys) == 200
    assert all(re.fullmatch(r"hs_[0-9A-Za-z]{38}", key) for key in keys)
    assert all(crypto.has_valid_checksum(key) for key in keys)


@pytest.mark.parametrize(
    "change",
    [
        lambda key: "",
        lambda key: key[:-1],
        lambda key: key + "0",
        lambda key: "sk_" + key[3:],
        lambda key: key[:10] + ("A" if key[10] != "A" else "B") + key[11:],
        lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
        lambda key: key[:10] + "\udcff" + key[11:],
    ],
)
def test_a_changed_key_fails_its_checksum(change: Callable[[str], str]) -> None:
    assert not crypto.has_valid_checksum(change(crypto.new_api_key()))


def test_the_hash_of_a_key_is_sha256_in_hex() -> None:
    assert crypto.hash_key("hs_a") == (
        "384f362fc81d3c487d8ad40e6b2ff7749a66ef1a690696f89800b2387bce4598"
    )
