"""Save prompts, keep their versions, restore them, and give their text to routers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from hyperstrate.prompts.models import Prompt, PromptVersion
from hyperstrate.prompts.ports import Ports
from hyperstrate.shared.cache import bump
from hyperstrate.shared.db import session
from hyperstrate.shared.errors import BadRequest, Conflict, NotFound
from hyperstrate.shared.pagination import Page, paginate
from hyperstrate.shared.template import check, extract_variables

MOST_NAMED = 5
_ports: Ports | None = None


def use(ports: Ports) -> None:
    """Whom to ask who uses a prompt."""
    global _ports
    _ports = ports


def find(org_id: str, *, query: str = "", page: int = 1, per_page: int = 30) -> Page[Prompt]:
    """Prompts, newest first; ``query`` is looked for in id, name, description and content."""
    rows = select(Prompt).where(Prompt.org_id == org_id).order_by(Prompt.id.desc())
    if query:
        columns = (Prompt.id, Prompt.name, Prompt.description, Prompt.content)
        rows = rows.where(or_(*(column.icontains(query, autoescape=True) for column in columns)))
    return paginate(rows, page=page, per_page=per_page)


def get(org_id: str, prompt_id: str) -> Prompt:
    """Raises NotFound."""
    found = session.scalar(select(Prompt).where(Prompt.org_id == org_id, Prompt.id == prompt_id))
    if found is None:
        raise NotFound("prompt not found")
    return found


def names(org_id: str) -> dict[str, str]:
    """id -> name of all prompts, by name."""
    rows = session.execute(
        select(Prompt.id, Prompt.name).where(Prompt.org_id == org_id).order_by(Prompt.name)
    )
    return {row.id: row.name for row in rows}


def load(org_id: str, prompt_id: str) -> str:
    """The prompt's text. Raises NotFound."""
    return get(org_id, prompt_id).content


def create(org_id: str, name: str, content: str, *, description: str = "") -> Prompt:
    """A new prompt with its version 1. Raises BadRequest for a broken placeholder."""
    _check(content)
    prompt = Prompt(
        org_id=org_id,
        name=name,
        content=content,
        description=description,
        variables=extract_variables(content),
    )
    session.add(prompt)
    session.flush()
    _keep_version(prompt)
    return prompt


def update(
    org_id: str,
    prompt_id: str,
    *,
    name: str | None = None,
    content: str | None = None,
    description: str | None = None,
) -> Prompt:
    """Change what is given; a new name or content makes a new version. Raises NotFound."""
    prompt = get(org_id, prompt_id)
    before = (prompt.name, prompt.content)
    if content is not None:
        _check(content)
        prompt.content = content
        prompt.variables = extract_variables(content)
    if name is not None:
        prompt.name = name
    if description is not None:
        prompt.description = description
    session.flush()
    if before != (prompt.name, prompt.content):
        _keep_version(prompt)
    return prompt


def delete(org_id: str, prompt_id: str) -> None:
    """Raises NotFound, and Conflict while a router or a target of one uses it."""
    prompt = get(org_id, prompt_id)
    assert _ports is not None, "prompts.register was not called"
    users = _ports.routers.with_prompt(org_id, prompt_id)
    if users:
        raise Conflict(f"this prompt is in use; take it out of {_listed(users)} first")
    session.delete(prompt)
    session.flush()
    bump("prompts")


def versions(
    org_id: str, prompt_id: str, *, page: int = 1, per_page: int = 30
) -> Page[PromptVersion]:
    """The versions of a prompt, highest first. Raises NotFound."""
    prompt = get(org_id, prompt_id)
    rows = (
        select(PromptVersion)
        .where(PromptVersion.prompt_id == prompt.id)
        .order_by(PromptVersion.version.desc())
    )
    return paginate(rows, page=page, per_page=per_page)


def version(org_id: str, prompt_id: str, version_id: str) -> PromptVersion:
    """Raises NotFound."""
    prompt = get(org_id, prompt_id)
    found = session.scalar(
        select(PromptVersion).where(
            PromptVersion.prompt_id == prompt.id, PromptVersion.id == version_id
        )
    )
    if found is None:
        raise NotFound("version not found")
    return found


def restore(org_id: str, prompt_id: str, version_id: str) -> Prompt:
    """Make an old version the present one; that is a new version too. Raises NotFound."""
    old = version(org_id, prompt_id, version_id)
    prompt = get(org_id, prompt_id)
    prompt.name, prompt.content, prompt.variables = old.name, old.content, old.variables
    session.flush()
    _keep_version(prompt)
    return prompt


def _listed(names: Sequence[str]) -> str:
    kind = "the router" if len(names) == 1 else "the routers"
    others = len(names) - MOST_NAMED
    more = f" and {others} more" if others > 0 else ""
    return f"{kind} {', '.join(names[:MOST_NAMED])}{more}"


def _check(content: str) -> None:
    complaint = check(content)
    if complaint:
        raise BadRequest("validation failed", fields={"content": [complaint]})


def _keep_version(prompt: Prompt) -> None:
    newest = select(func.max(PromptVersion.version)).where(PromptVersion.prompt_id == prompt.id)
    session.add(
        PromptVersion(
            prompt_id=prompt.id,
            org_id=prompt.org_id,
            version=(session.scalar(newest) or 0) + 1,
            name=prompt.name,
            content=prompt.content,
            variables=prompt.variables,
        )
    )
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict("somebody saved this prompt at the same moment; try again") from error
    bump("prompts")
