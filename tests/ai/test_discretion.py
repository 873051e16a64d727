"""What a provider repeats of our secrets is taken out of its refusal."""

from __future__ import annotations

import pytest

from hyperstrate.ai.discretion import hide
from hyperstrate.ai.providers.base import Registration
from hyperstrate.shared.errors import ProviderError

MODEL = Registration(
    id="mdl_1",
    org_id="org_1",
    definition_key="chatgpt/gpt-5",
    provider="OPENAI",
    upstream_model="gpt-5",
    base_url="https://api.example.com",
    api_key="opaque-key",
    api_secret="opaque-secret",
    extra_headers={"x-extra": "opaque-header", "x-flag": "on"},
)


@pytest.mark.parametrize("secret", ["opaque-key", "opaque-secret", "opaque-header"])
def test_message_and_body_go_on_without_the_secret(secret: str) -> None:
    said = f"wrong: {secret}, {secret}"
    error = ProviderError(said, kind="authentication", body=said.encode())

    hide(error, MODEL)

    assert error.message == str(error) == "wrong: ***, ***"
    assert error.body == b"wrong: ***, ***"


def test_what_is_no_secret_stays() -> None:
    error = ProviderError("turn it on", kind="bad_request", body=b"on")

    hide(error, MODEL)

    assert (error.message, error.body) == ("turn it on", b"on")


def test_another_error_is_left_alone() -> None:
    error = ValueError("opaque-key")

    hide(error, MODEL)

    assert str(error) == "opaque-key"


def test_a_model_without_secrets_hides_nothing() -> None:
    plain = Registration("mdl_1", "org_1", "dummy", "DUMMY", "dummy", "dummy://local")
    error = ProviderError("it broke", kind="server_error")

    hide(error, plain)

    assert (error.message, error.body) == ("it broke", None)
