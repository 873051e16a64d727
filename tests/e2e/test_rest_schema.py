"""The REST API against its own document: no failure of ours, and what is answered is as promised.

Requests are made from the document, right and wrong, to things that are there and that are not.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.e2e.site import CHAT, Site

CHECKS = [
    not_a_server_error,
    response_schema_conformance,
    content_type_conformance,
    status_code_conformance,
]
# Calls to models and identity providers have tests of their own; what those say is not ours.
OUTSIDE = re.compile(r"/v1/|/infer|\{rest\}|/sso-providers/\{provider_id\}/test")
# They would end the session that asks, or lock its owner out.
SELF = re.compile(r"/auth/(logout|switch|password|refresh|me$|sessions|users|organizations)")
DRAWN = settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def known(site: Site) -> dict[str, str]:
    """Ids of things that are there, by the names that paths have for them."""
    admin = site.admin
    router = admin.router("schema", site.model, retry={})
    prompt = admin.call("POST", "/prompts", {"name": "schema", "content": "Be {{kind}}"})["id"]
    words = {"type": "content_filter", "config": {"blocked_patterns": ["x"]}}
    me = admin.call("GET", "/auth/me")
    team = _first(admin.call("GET", "/auth/teams")["items"])
    budget = {"scope": "router", "scopeId": router, "amount": 1000}
    provider = {
        "name": "schema",
        "type": "oidc",
        "issuer": "https://idp.example.com",
        "clientId": "schema",
        "clientSecret": "s",
    }
    invited = {"email": "schema@example.com", "role": "viewer"}
    mapping = {"groupName": "schema", "teamId": team}
    _, headers, _ = site.send("/v1/chat/completions", {**CHAT, "model": "schema"})
    return {
        "id": admin.model("dummy", baseUrl="dummy://local"),
        "router_id": router,
        "target_id": _first(admin.call("GET", f"/router/{router}/targets")),
        "feature_id": _first(admin.call("GET", f"/router/{router}/features")),
        "interceptor_id": admin.call("POST", f"/router/{router}/interceptors", words)["id"],
        "prompt_id": prompt,
        "version_id": _first(admin.call("GET", f"/prompts/{prompt}/versions")["items"]),
        "team_id": team,
        "org_id": me["orgId"],
        "user_id": me["id"],
        "session_id": _first(admin.call("GET", "/auth/sessions")["data"]),
        "invitation_id": admin.call("POST", "/auth/invitations", invited)["id"],
        "scope": "router",
        "scope_id": router,
        "budget_id": admin.call("POST", "/auth/budgets", budget)["id"],
        "provider_id": admin.call("POST", "/auth/sso-providers", provider)["id"],
        "mapping_id": admin.call("POST", "/auth/oidc/group-mappings", mapping)["id"],
        "key_id": _first(admin.call("GET", "/auth/api-keys")["items"]),
        "log_id": admin.log(headers["x-hyperstrate-request-id"])["id"],
    }


def _first(items: list[dict[str, Any]]) -> str:
    return str(items[0]["id"])


def operations(site: Site) -> list[Any]:
    schema = schemathesis.openapi.from_url(f"{site.gateway.url}/swagger/doc.json")
    results: list[Any] = list(schema.get_all_operations())
    found = [result.ok() for result in results]
    return [
        operation
        for operation in found
        if not OUTSIDE.search(operation.path)
        and not (operation.method != "get" and SELF.search(operation.path))
    ]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("is_known", [True, False], ids=["there", "not there"])
def test_every_operation_answers_as_its_document_says(
    site: Site, known: dict[str, str], mode: GenerationMode, is_known: bool
) -> None:
    wrong: list[str] = []
    for operation in operations(site):
        names = set(re.findall(r"\{(\w+)\}", operation.path))
        is_destructive = operation.method == "delete" and is_known
        has_choice = bool(names) or not is_known
        if is_destructive or not has_choice or (mode.is_negative and not operation.body):
            continue
        ids = {name: known[name] for name in names} if is_known else {}
        wrong += answers_wrong(site, operation, mode, ids)

    assert not wrong, "\n\n".join(wrong)


def answers_wrong(
    site: Site, operation: Any, mode: GenerationMode, ids: dict[str, str]
) -> list[str]:
    """What an operation answers against its document, each complaint once."""
    headers = {"Authorization": f"Bearer {site.admin.token}"}
    wrong: list[str] = []

    @seed(1)
    @DRAWN
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.path_parameters.update(ids)
        response = case.call(headers=headers)
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as failures:
            wrong.extend(f"{operation.label}: {failure}" for failure in failures.exceptions)

    ask()
    return list(dict.fromkeys(wrong))
