"""Sign-in by an identity provider: the way there, the way back, and the exchange of a token."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from types import ModuleType

import orjson

from hyperstrate.auth.models import Session
from hyperstrate.auth.people import sessions
from hyperstrate.auth.people.sessions import Device
from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.sso import claims as oidc_claims
from hyperstrate.auth.sso import github, identities, oidc, providers
from hyperstrate.auth.sso.claims import Account, Untrusted
from hyperstrate.auth.sso.oidc import Errand, Proof, Provider
from hyperstrate.auth.sso.providers import EXCHANGE, METHOD
from hyperstrate.shared import audit, crypto
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError, BadRequest

TICKET_LIFETIME_S = 600
LOGOUT_KEPT_S = 30 * 24 * 3600
EXCHANGE_ALGORITHMS = ("RS256", "ES256")


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, and what it must keep until it is back: ``ticket``, by ``state``."""

    url: str
    state: str
    ticket: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody is back and signed in; ``goal`` is the page they wanted."""

    session: Session
    goal: str


def start(provider_id: str, *, redirect_uri: str, goal: str) -> Departure:
    """Send somebody to a provider. Raises NotFound and ProviderFailed."""
    provider = providers.usable(provider_id)
    errand = Errand(
        redirect_uri=redirect_uri,
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
    )
    with _told(provider):
        url = _protocol(provider).begin(runtime().web, provider, errand)
    kept = {
        "provider": provider.id,
        "nonce": errand.nonce,
        "verifier": errand.verifier,
        "goal": goal,
        "until": time.time() + TICKET_LIFETIME_S,
    }
    return Departure(url, errand.state, crypto.encrypt(orjson.dumps(kept).decode()))


def finish(
    answer: Mapping[str, str], tickets: Mapping[str, str], *, redirect_uri: str, device: Device
) -> Arrival:
    """Sign in who came back with ``answer`` to the browser that keeps ``tickets``.

    Raises BadRequest for an answer that nobody asked for, or that was used; NotFound,
    ProviderFailed, Untrusted, Forbidden and Conflict.
    """
    state = answer.get("state", "")
    kept = _ticket(state, tickets.get(state, ""))
    provider = providers.usable(kept["provider"])
    errand = Errand(redirect_uri, state, kept["nonce"], kept["verifier"])
    with _told(provider) as emails:
        _check_answer(answer)
        proof: Proof = _protocol(provider).finish(runtime().web, provider, errand, answer)
        emails.append(proof.account.email)
        with unit_of_work():
            session = _enter(provider, proof.account, device)
    _remember_id_token(session, proof.id_token)
    return Arrival(session, kept["goal"])


def exchange(token: str, *, device: Device) -> Session:
    """A session for the person of a token that a key of OIDC_JWKS_URL signed.

    Raises Untrusted, ProviderFailed, Forbidden and Conflict.
    """
    from hyperstrate.auth.sso.signatures import signed  # takes long, and few need it

    config = runtime().config
    issuer = Provider(
        id=EXCHANGE,
        org_id=None,
        kind="oidc",
        name="The issuer of this installation",
        issuer=config.oidc_issuer,
        client_id=config.oidc_audience,
        client_secret="",
    )
    with _told(issuer) as emails:
        if not config.oidc_jwks_url:
            raise Untrusted("OIDC_JWKS_URL is not set, so no token is believed")
        claims = signed(runtime().web, token, config.oidc_jwks_url, algorithms=EXCHANGE_ALGORITHMS)
        oidc_claims.check(
            claims, now_s=time.time(), issuer=issuer.issuer, audience=issuer.client_id
        )
        account = oidc_claims.account_of(claims, groups_claim=issuer.groups_claim)
        emails.append(account.email)
        with unit_of_work():
            return _enter(issuer, account, device)


def way_out(session: Session, *, back: str) -> str:
    """Where a browser goes to end its session at the provider too; empty: nowhere."""
    provider_id = session.method.removeprefix(METHOD)
    if provider_id == session.method:
        return ""
    id_token = _remembered_id_token(session)
    try:
        provider = providers.usable(provider_id)
    except AppError:
        return ""
    if provider.kind == "github":
        return ""
    return oidc.way_out(runtime().web, provider, id_token=id_token, back=back)


def _protocol(provider: Provider) -> ModuleType:
    return github if provider.kind == "github" else oidc


def _ticket(state: str, sealed: str) -> dict[str, str]:
    """What the browser kept; good once, and for ten minutes. Raises BadRequest."""
    try:
        kept: dict[str, str] = orjson.loads(crypto.decrypt(sealed))
    except (AppError, orjson.JSONDecodeError):
        raise _stale() from None
    name = sha256(state.encode()).hexdigest()
    uses = runtime().store.increment(f"sso:state:{name}", ttl_s=2 * TICKET_LIFETIME_S)
    if uses != 1 or float(kept["until"]) < time.time():
        raise _stale()
    return kept


def _stale() -> BadRequest:
    return BadRequest("this sign-in was not begun in this browser, took too long, or is over")


def _check_answer(answer: Mapping[str, str]) -> None:
    """Raises Untrusted when the provider says no."""
    if answer.get("error"):
        said = " ".join((answer["error"], answer.get("error_description", ""))).strip()
        raise Untrusted(f"it said {said[:300]}")
    if not answer.get("code"):
        raise Untrusted("it gave no code")


def _enter(provider: Provider, account: Account, device: Device) -> Session:
    method = METHOD + provider.id
    admission = identities.admit(provider, account)
    user, org_id = admission.user, admission.org_id
    user.org_id = org_id
    begun = sessions.begin(user.id, org_id, device, method=method)
    detail = {"email": user.email, "method": method, "issuer": account.issuer}
    audit.log(
        "sign_in",
        org_id=org_id,
        object_type="user",
        object_id=user.id,
        detail={**detail, "is_new": admission.is_new, **admission.groups.detail()},
        actor=audit.person(user.id, user.email, org_id),
    )
    return begun


@contextmanager
def _told(provider: Provider) -> Iterator[list[str]]:
    """What is refused inside is kept in the books, with the e-mail that was put into the list."""
    emails: list[str] = []
    try:
        yield emails
    except AppError as error:
        reason = error.message
        if isinstance(error, Untrusted):
            reason = f"What {provider.name} sent is refused: {reason}."
        audit.refused_sign_in(
            "".join(emails), METHOD + provider.id, reason, org_id=provider.org_id or ""
        )
        if isinstance(error, Untrusted):
            raise Untrusted(reason) from error
        raise


def _remember_id_token(session: Session, id_token: str) -> None:
    """For the sign-out, which the provider believes the better for it."""
    if id_token:
        sealed = crypto.encrypt(id_token).encode()
        runtime().store.set(_logout_key(session), sealed, ttl_s=LOGOUT_KEPT_S)


def _remembered_id_token(session: Session) -> str:
    """What was remembered, this once; empty also where its key is gone from SECRET_KEYS."""
    store, key = runtime().store, _logout_key(session)
    sealed = store.get(key)
    store.delete(key)
    try:
        return crypto.decrypt(sealed.decode()) if sealed else ""
    except crypto.UnreadableSecret:
        return ""


def _logout_key(session: Session) -> str:
    return f"sso:logout:{session.id}"
