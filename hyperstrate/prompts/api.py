"""REST for prompts."""

from __future__ import annotations

from typing import Any

from flask_smorest import Blueprint

from hyperstrate.prompts import library
from hyperstrate.prompts.schemas import (
    CreatePrompt,
    PromptPage,
    PromptSchema,
    PromptVersionPage,
    PromptVersionSchema,
    UpdatePrompt,
)
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.guards import caller, require_admin
from hyperstrate.shared.schemas import PageArgs, SearchArgs

blueprint = Blueprint(
    "prompts", __name__, url_prefix="/prompts", description="Prompts and their versions"
)


@blueprint.get("")
@require_admin
@blueprint.arguments(SearchArgs, location="query")
@blueprint.response(200, PromptPage)
def find(args: dict[str, Any]) -> Any:
    """Prompts, newest first."""
    return library.find(caller().org_id, **args)


@blueprint.post("")
@require_admin
@blueprint.arguments(CreatePrompt)
@blueprint.response(201, PromptSchema)
def create(body: dict[str, Any]) -> Any:
    """Save a new prompt."""
    with unit_of_work():
        return library.create(caller().org_id, **body)


@blueprint.get("/<prompt_id>")
@require_admin
@blueprint.response(200, PromptSchema)
def get(prompt_id: str) -> Any:
    """One prompt."""
    return library.get(caller().org_id, prompt_id)


@blueprint.patch("/<prompt_id>")
@require_admin
@blueprint.arguments(UpdatePrompt)
@blueprint.response(200, PromptSchema)
def update(body: dict[str, Any], prompt_id: str) -> Any:
    """Change a prompt; a new text is a new version."""
    with unit_of_work():
        return library.update(caller().org_id, prompt_id, **body)


@blueprint.delete("/<prompt_id>")
@require_admin
@blueprint.response(204)
def delete(prompt_id: str) -> None:
    """Delete a prompt and its versions; 409 while a router or a target of one uses it."""
    with unit_of_work():
        library.delete(caller().org_id, prompt_id)


@blueprint.get("/<prompt_id>/versions")
@require_admin
@blueprint.arguments(PageArgs, location="query")
@blueprint.response(200, PromptVersionPage)
def versions(args: dict[str, Any], prompt_id: str) -> Any:
    """The versions of a prompt, highest first."""
    return library.versions(caller().org_id, prompt_id, **args)


@blueprint.get("/<prompt_id>/versions/<version_id>")
@require_admin
@blueprint.response(200, PromptVersionSchema)
def version(prompt_id: str, version_id: str) -> Any:
    """One version of a prompt."""
    return library.version(caller().org_id, prompt_id, version_id)


@blueprint.post("/<prompt_id>/versions/<version_id>/restore")
@require_admin
@blueprint.response(200, PromptSchema)
def restore(prompt_id: str, version_id: str) -> Any:
    """Make an old version the present one."""
    with unit_of_work():
        return library.restore(caller().org_id, prompt_id, version_id)
