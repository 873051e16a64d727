"""What a provider repeats of our secrets in a refusal is told to nobody, and written nowhere."""

from __future__ import annotations

from hyperstrate.ai.providers.base import Registration
from hyperstrate.shared.errors import ProviderError

#: A shorter word would be found where it is none of ours.
SHORTEST = 8
HIDDEN = "***"


def hide(error: BaseException, model: Registration) -> None:
    """Take the keys and extra headers of ``model`` out of what a ProviderError says."""
    if not isinstance(error, ProviderError):
        return
    for secret in (model.api_key, model.api_secret, *model.extra_headers.values()):
        if len(secret) < SHORTEST:
            continue
        error.message = error.message.replace(secret, HIDDEN)
        error.detail = error.detail.replace(secret, HIDDEN)
        if error.body:
            error.body = error.body.replace(secret.encode(), HIDDEN.encode())
    error.args = (error.message,)
