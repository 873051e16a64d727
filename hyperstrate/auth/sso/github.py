"""GitHub, which speaks OAuth 2 only: who somebody is says its REST API, not an ID token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hyperstrate.auth.sso import claims as oidc_claims
from hyperstrate.auth.sso.claims import Account, Untrusted
from hyperstrate.auth.sso.oidc import (
    Errand,
    Proof,
    Provider,
    check_issuer,
    fetch_tokens,
    oauth_client,
)
from hyperstrate.auth.sso.web import ProviderFailed, Web

GITHUB = "https://github.com"
SCOPES = "read:user user:email"
SCOPE_OF_TEAMS = "read:org"


def begin(web: Web, provider: Provider, errand: Errand) -> str:
    """Where the browser goes to sign in."""
    client = oauth_client(web, provider, errand.redirect_uri)
    url, _ = client.create_authorization_url(
        f"{provider.issuer}/login/oauth/authorize",
        state=errand.state,
        code_verifier=errand.verifier,
    )
    return str(url)


def finish(web: Web, provider: Provider, errand: Errand, answer: Mapping[str, str]) -> Proof:
    """Who came back with ``answer``. Raises Untrusted and ProviderFailed."""
    check_issuer(answer, f"{provider.issuer}/login/oauth", is_always_there=False)
    client = oauth_client(web, provider, errand.redirect_uri, "client_secret_post")
    url = f"{provider.issuer}/login/oauth/access_token"
    token = fetch_tokens(client, url, answer["code"], errand).get("access_token")
    if not isinstance(token, str):
        raise Untrusted("there is no access token")
    return Proof(_account(web, provider, token))


def _account(web: Web, provider: Provider, token: str) -> Account:
    api = "https://api.github.com" if provider.issuer == GITHUB else f"{provider.issuer}/api/v3"
    person = web.json(f"{api}/user", token=token)
    if not isinstance(person.get("id"), int):
        raise ProviderFailed("GitHub did not say who it is.")
    claims = {
        "iss": provider.issuer,
        "sub": person["id"],
        "name": person.get("name") or person.get("login"),
        "picture": person.get("avatar_url"),
        "groups": _teams(web, provider, api, token),
        **_primary_email(web.any_json(f"{api}/user/emails?per_page=100", token=token)),
    }
    return oidc_claims.account_of(claims, groups_claim="groups")


def _primary_email(listed: Any) -> dict[str, Any]:
    """The primary address, as claims. The one of the profile may be anybody's."""
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and entry.get("primary") is True:
            return {"email": entry.get("email"), "email_verified": entry.get("verified")}
    return {}


def _teams(web: Web, provider: Provider, api: str, token: str) -> list[str]:
    """``organization/team``, when the scope of teams was asked for."""
    if SCOPE_OF_TEAMS not in provider.scopes.split():
        return []
    listed = web.any_json(f"{api}/user/teams?per_page=100", token=token)
    return [
        f"{team['organization']['login']}/{team['slug']}"
        for team in (listed if isinstance(listed, list) else ())
        if isinstance(team, dict) and isinstance(team.get("organization"), dict)
        if "login" in team["organization"] and "slug" in team
    ]
