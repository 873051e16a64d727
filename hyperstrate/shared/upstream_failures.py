"""What went wrong on the way to a provider, in the words of ProviderError."""

from __future__ import annotations

import ssl
from typing import Literal

from hyperstrate.shared.errors import ProviderError
from hyperstrate.shared.upstream_parser import Cut, Malformed

Phase = Literal["connect", "head", "body", "late"]

_TOO_LATE: dict[Phase, str] = {
    "connect": "could not be reached in time.",
    "head": "did not begin to answer in time.",
    "body": "fell silent in the middle of its answer.",
    "late": "did not finish its answer in time.",
}


def provider_error(error: Exception, host: str, phase: Phase) -> Exception:
    """The failure as callers know it; ``error`` itself when it is not one of the network."""
    if isinstance(error, TimeoutError):
        return ProviderError(f"{host} {_TOO_LATE[phase]}", kind="timeout")
    if isinstance(error, Malformed):
        return ProviderError(f"{host} {error}", kind="bad_answer")
    if isinstance(error, Cut | OSError):
        return _broken(error, host, phase)
    return error


def _broken(error: Cut | OSError, host: str, phase: Phase) -> ProviderError:
    if phase == "body":
        text = f"{host} broke off in the middle of its answer."
        return ProviderError(text, kind="incomplete")
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"The certificate of {host} is not valid: {error.verify_message}."
    elif isinstance(error, ssl.SSLError):
        text = f"{host} does not speak TLS as it should."
    elif isinstance(error, ConnectionRefusedError):
        text = f"{host} refused the connection."
    elif phase == "connect":
        text = f"{host} could not be reached."
    else:
        text = f"{host} closed the connection without an answer."
    return ProviderError(text, kind="connection")
