"""What an ID token must say (OpenID Connect Core 1.0, section 3.1.3.7), and who it speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from math import isfinite
from typing import Any

from hyperstrate.shared.errors import Unauthorized
from hyperstrate.shared.schemas import is_storable

CLOCK_SKEW_S = 60
MAX_AGE_S = 15 * 60
MAX_GROUPS = 1000
MAX_LENGTH = 255


class Untrusted(Unauthorized):
    """A token or an answer that proves nothing. ``message`` says why."""

    code = "token_refused"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody at a provider: ``subject`` is theirs for ever, everything else may change.

    ``groups`` is None when the provider has groups but could not say them all.
    """

    issuer: str
    subject: str
    email: str
    name: str = ""
    avatar: str = ""
    groups: tuple[str, ...] | None = ()


def check(
    claims: Mapping[str, Any],
    *,
    now_s: float,
    issuer: str = "",
    audience: str = "",
    nonce: str = "",
    max_age_s: float = 0,
) -> None:
    """Raises Untrusted with what is wrong. An empty issuer, audience or nonce is not looked at."""
    if issuer and claims.get("iss") != issuer:
        raise Untrusted("it comes from another issuer")
    if not _text(claims.get("iss")) or not _text(claims.get("sub")):
        raise Untrusted("it names no issuer or nobody")
    if audience:
        _check_audience(claims, audience)
    _check_times(claims, now_s, max_age_s)
    given = claims.get("nonce")
    if nonce and not (isinstance(given, str) and compare_digest(given.encode(), nonce.encode())):
        raise Untrusted("it does not belong to this sign-in (nonce)")


def _check_audience(claims: Mapping[str, Any], audience: str) -> None:
    given = claims.get("aud")
    named = given if isinstance(given, list) else [given]
    party = claims.get("azp")
    if audience not in named:
        raise Untrusted("it is meant for another application (aud)")
    if (len(named) > 1 and party is None) or (party is not None and party != audience):
        raise Untrusted("it is meant for another application (azp)")


def _check_times(claims: Mapping[str, Any], now_s: float, max_age_s: float) -> None:
    """``max_age_s``: an ID token that was just asked for must be young."""
    expires, issued, begins = (_seconds(claims.get(name)) for name in ("exp", "iat", "nbf"))
    if expires is None or expires + CLOCK_SKEW_S <= now_s:
        raise Untrusted("it has expired")
    if "nbf" in claims and (begins is None or begins - CLOCK_SKEW_S > now_s):
        raise Untrusted("it is not valid yet")
    if max_age_s and issued is None:
        raise Untrusted("it does not say when it was issued")
    if issued is not None and issued - CLOCK_SKEW_S > now_s:
        raise Untrusted("it comes from the future")
    if max_age_s and issued is not None and issued + max_age_s + CLOCK_SKEW_S < now_s:
        raise Untrusted("it was issued long ago")


def account_of(claims: Mapping[str, Any], *, groups_claim: str) -> Account:
    """The person that verified claims speak of. Raises Untrusted."""
    return Account(
        issuer=str(claims["iss"]),
        subject=_subject(claims["sub"]),
        email=verified_email(claims),
        name=_short(_name(claims), MAX_LENGTH),
        avatar=_picture(claims.get("picture")),
        groups=groups_of(claims, groups_claim),
    )


def verified_email(claims: Mapping[str, Any]) -> str:
    """The e-mail, in lower case. Raises Untrusted unless the provider says it was verified."""
    email = claims.get("email")
    if not isinstance(email, str) or not email.strip():
        raise Untrusted("it names no e-mail address; the scope email may be missing")
    said = claims.get("email_verified")
    if said is not True and said != "true":
        raise Untrusted("its e-mail address was not verified by the provider")
    email = email.strip().lower()
    if not is_address(email):
        raise Untrusted("its e-mail address is none")
    return email


def is_address(email: str) -> bool:
    """It looks like an e-mail address that can be kept."""
    local, _, domain = email.rpartition("@")
    is_word = email.isprintable() and " " not in email and "@" not in local
    return bool(local and domain) and is_word and len(email) <= MAX_LENGTH and is_storable(email)


def groups_of(claims: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """The groups in the claim ``name``, or at a path such as ``realm_access.roles``."""
    if not name:
        return ()
    found = claims.get(name, _at(claims, name))
    if found is None:
        elsewhere = claims.get("_claim_names") or {}
        return None if name in elsewhere or claims.get("hasgroups") else ()
    words = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    kept = (word for word in words if isinstance(word, str) and _is_group(word))
    return tuple(sorted(set(kept)))[:MAX_GROUPS]


def _is_group(word: str) -> bool:
    return 0 < len(word) <= MAX_LENGTH and is_storable(word)


def _at(claims: Mapping[str, Any], path: str) -> Any:
    found: Any = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _subject(given: object) -> str:
    subject = str(given)
    if len(subject) > MAX_LENGTH or not is_storable(subject):
        raise Untrusted("its subject cannot be kept")
    return subject


def _name(claims: Mapping[str, Any]) -> str:
    profile = claims.get("user_metadata")
    of_profile = profile.get("full_name") if isinstance(profile, Mapping) else ""
    parts = (_text(claims.get(part)) for part in ("given_name", "family_name"))
    return _text(claims.get("name")) or _text(of_profile) or " ".join(filter(None, parts))


def _picture(given: object) -> str:
    url = _text(given)
    return url if url.startswith("https://") and len(url) <= 1000 and is_storable(url) else ""


def _short(text: str, length: int) -> str:
    return text[:length].strip() if is_storable(text) else ""


def _text(given: object) -> str:
    return given if isinstance(given, str) else ""


def _seconds(given: object) -> float | None:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return float(given) if is_number and isfinite(given) else None  # type: ignore[arg-type]
