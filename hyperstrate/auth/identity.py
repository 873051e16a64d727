"""What the guards ask: who a key, a token or a browser belongs to."""

from __future__ import annotations

from collections.abc import Callable

from hyperstrate.auth.keys import verifying
from hyperstrate.auth.people import sessions
from hyperstrate.shared.crypto import KEY_PREFIX
from hyperstrate.shared.guards import Caller


class Identity:
    """Answers ``shared.guards.Identity`` and the router's ``Identities``."""

    def __init__(self, from_browser: Callable[[], Caller | None]) -> None:
        self._from_browser = from_browser

    def from_credential(self, credential: str) -> Caller:
        """The owner of an API key or session token. Raises Unauthorized."""
        if credential.startswith(KEY_PREFIX):
            return verifying.verify(credential)
        return sessions.verify(credential)

    def from_browser(self) -> Caller | None:
        """The person signed in by cookie, if any."""
        return self._from_browser()
