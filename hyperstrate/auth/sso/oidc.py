"""OpenID Connect with authorization code and PKCE: the way to a provider, and who comes back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote_plus, urlencode

from hyperstrate.auth.sso import claims as oidc_claims
from hyperstrate.auth.sso.claims import Account, Untrusted
from hyperstrate.auth.sso.web import ProviderFailed, Web, host_of
from hyperstrate.shared.addresses import parse_url

if TYPE_CHECKING:
    from authlib.oauth2.client import OAuth2Client

Kind = Literal["oidc", "google", "github"]
DISCOVERY = "/.well-known/openid-configuration"
GOOGLE = "https://accounts.google.com"


@dataclass(frozen=True, slots=True)
class Provider:
    """Somebody who says who people are. Without ``org_id``: of the whole installation.

    ``issuer`` is the address below which the discovery document is.
    """

    id: str
    org_id: str | None
    kind: Kind
    name: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str = "openid email profile"
    groups_claim: str = "groups"
    domains: tuple[str, ...] = ()
    default_role: str = "member"


@dataclass(frozen=True, slots=True)
class Errand:
    """One sign-in on its way: what binds the answer to the browser that left."""

    redirect_uri: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Proof:
    """Who came back. ``id_token`` is what a sign-out at the provider refers to."""

    account: Account
    id_token: str = ""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself (OpenID Connect Discovery 1.0, RFC 8414, RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    auth_methods: tuple[str, ...]
    always_says_issuer: bool


def discovered(web: Web, issuer: str) -> Metadata:
    """The provider at ``issuer``. Raises ProviderFailed."""
    base = issuer.removesuffix(DISCOVERY).rstrip("/")
    document = web.document(base + DISCOVERY)
    if str(document.get("issuer")).rstrip("/") != base:
        raise ProviderFailed(
            f"{host_of(base)} calls itself {str(document.get('issuer'))[:200]!r}, not {base!r}."
        )
    methods = document.get("token_endpoint_auth_methods_supported")
    return Metadata(
        issuer=document["issuer"],
        authorization_endpoint=_endpoint(document, "authorization_endpoint"),
        token_endpoint=_endpoint(document, "token_endpoint"),
        jwks_uri=_endpoint(document, "jwks_uri"),
        userinfo_endpoint=_endpoint(document, "userinfo_endpoint", is_needed=False),
        end_session_endpoint=_endpoint(document, "end_session_endpoint", is_needed=False),
        auth_methods=tuple(methods) if isinstance(methods, list) else ("client_secret_basic",),
        always_says_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: Mapping[str, Any], name: str, *, is_needed: bool = True) -> str:
    url = document.get(name)
    if url is None and not is_needed:
        return ""
    try:
        parse_url(url if isinstance(url, str) else "")
    except ValueError as error:
        raise ProviderFailed(f"The provider's {name} {error}.") from None
    return str(url)


def begin(web: Web, provider: Provider, errand: Errand) -> str:
    """Where the browser goes to sign in. Raises ProviderFailed."""
    found = discovered(web, provider.issuer)
    client = oauth_client(web, provider, errand.redirect_uri)
    url, _ = client.create_authorization_url(
        found.authorization_endpoint,
        state=errand.state,
        nonce=errand.nonce,
        code_verifier=errand.verifier,
    )
    return str(url)


def finish(web: Web, provider: Provider, errand: Errand, answer: Mapping[str, str]) -> Proof:
    """Who came back with ``answer``. Raises Untrusted and ProviderFailed."""
    from hyperstrate.auth.sso.signatures import signed  # takes long, and few need it

    found = discovered(web, provider.issuer)
    check_issuer(answer, found.issuer, is_always_there=found.always_says_issuer)
    client = oauth_client(web, provider, errand.redirect_uri, _auth_method(provider, found))
    tokens = fetch_tokens(client, found.token_endpoint, answer["code"], errand)
    id_token = tokens.get("id_token")
    if not isinstance(id_token, str):
        raise Untrusted("there is no ID token; the scope openid may be missing")
    claims = signed(web, id_token, found.jwks_uri)
    oidc_claims.check(
        claims,
        now_s=time.time(),
        issuer=found.issuer,
        audience=provider.client_id,
        nonce=errand.nonce,
        max_age_s=oidc_claims.MAX_AGE_S,
    )
    claims = _with_userinfo(web, claims, found, provider, tokens)
    account = oidc_claims.account_of(claims, groups_claim=provider.groups_claim)
    return Proof(account, id_token)


def check_issuer(answer: Mapping[str, str], issuer: str, *, is_always_there: bool) -> None:
    """RFC 9207: an answer of another provider is refused. Raises Untrusted."""
    given = answer.get("iss")
    if given is None and is_always_there:
        raise Untrusted("the answer does not say who gave it (iss)")
    if given is not None and given != issuer:
        raise Untrusted("the answer comes from another provider (iss)")


def _with_userinfo(
    web: Web,
    claims: dict[str, Any],
    found: Metadata,
    provider: Provider,
    tokens: Mapping[str, Any],
) -> dict[str, Any]:
    """The claims, filled up at the userinfo endpoint when e-mail or groups are not there."""
    has_groups = oidc_claims.groups_of(claims, provider.groups_claim) != ()
    is_whole = "email" in claims and (has_groups or not provider.groups_claim)
    access_token = tokens.get("access_token")
    if is_whole or not found.userinfo_endpoint or not isinstance(access_token, str):
        return claims
    said = web.json(found.userinfo_endpoint, token=access_token)
    if said.get("sub") != claims["sub"]:
        raise Untrusted("the userinfo speaks of somebody else")
    if "email" in claims:  # whether it was verified must be said by who names it
        said = {name: value for name, value in said.items() if name != "email_verified"}
    return {**said, **claims}


def way_out(web: Web, provider: Provider, *, id_token: str, back: str) -> str:
    """Where the browser goes to sign out there too (RP-Initiated Logout 1.0); may be nowhere."""
    try:
        endpoint = discovered(web, provider.issuer).end_session_endpoint
    except ProviderFailed:
        return ""
    if not endpoint:
        return ""
    query = {"client_id": provider.client_id, "post_logout_redirect_uri": back}
    query |= {"id_token_hint": id_token} if id_token else {}
    return endpoint + ("&" if "?" in endpoint else "?") + urlencode(query)


def _auth_method(provider: Provider, found: Metadata) -> str:
    """How we prove who we are. Basic cannot carry every secret to every provider."""
    if not provider.client_secret:
        return "none"
    is_plain = quote_plus(provider.client_secret) == provider.client_secret
    order = ("client_secret_basic", "client_secret_post")
    wanted = order if is_plain else order[::-1]
    return next((method for method in wanted if method in found.auth_methods), wanted[0])


def oauth_client(
    web: Web, provider: Provider, redirect_uri: str, auth_method: str = "none"
) -> OAuth2Client:
    """Authlib's client, speaking over ``web``."""
    from authlib.oauth2.client import OAuth2Client  # takes long, and few need it

    return OAuth2Client(
        session=_Session(web),
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        token_endpoint_auth_method=auth_method,
        scope=provider.scopes,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
    )


def fetch_tokens(client: OAuth2Client, url: str, code: str, errand: Errand) -> dict[str, Any]:
    """What the provider gives for ``code``. Raises Untrusted and ProviderFailed."""
    from authlib.oauth2.base import OAuth2Error  # see above

    from hyperstrate.shared.http import HTTPError

    try:
        found = client.fetch_token(
            url, grant_type="authorization_code", code=code, code_verifier=errand.verifier
        )
    except OAuth2Error as error:
        raise Untrusted(f"the provider refused the code: {str(error)[:200]}") from error
    except (HTTPError, ValueError, TypeError) as error:
        raise ProviderFailed(f"{host_of(url)} did not answer with tokens.") from error
    return dict(found)


class _Session:
    """What Authlib posts with. The credentials go into headers or body as it says."""

    def __init__(self, web: Web) -> None:
        self._web = web

    def post(self, url: str, *, data: Mapping[str, str], headers: Any, auth: Any) -> Any:
        url, prepared, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return self._web.post(url, body, {**prepared, "Accept": "application/json"})
