"""What a client says of the agent session that a request belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_HEADERS = {
    "x-agent-session-id": "agent_session_id",
    "x-session-id": "agent_session_id",
    "x-conversation-id": "conversation_id",
    "x-agent": "agent",
    "x-agent-client": "agent",
    "x-agent-role": "agent_role",
    "x-agent-repo": "repo",
    "x-repo": "repo",
    "x-agent-branch": "branch",
    "x-git-branch": "branch",
    "x-parent-session-id": "parent_session_id",
    "x-parent-agent-session-id": "parent_agent_session_id",
    "x-parent-agent": "parent_agent",
    "x-agent-user-id": "agent_user_id",
    "x-user-id": "user_id",
    "x-parent-agent-user-id": "parent_agent_user_id",
    "x-parent-user-id": "parent_user_id",
    "x-agent-turn-index": "turn_index",
}
_AGENTS = (
    ("claude-code", "claude_code"),
    ("claude_code", "claude_code"),
    ("claude-cli", "claude_code"),
    ("cursor/", "cursor"),
    ("windsurf/", "windsurf"),
    ("codeium/", "windsurf"),
    ("continue/", "continue"),
    ("continuedev", "continue"),
    ("aider/", "aider"),
    ("cline/", "cline"),
    ("codex", "codex"),
    ("github-copilot", "copilot"),
    ("copilot/", "copilot"),
    ("void/", "void"),
    ("zed/", "zed"),
)


def session_of(headers: Mapping[str, str], said: Mapping[str, Any]) -> dict[str, Any]:
    """The session's facts: from the body, then the headers, which win; the agent by its name."""
    facts = {key: value for key, value in said.items() if value != ""}
    if not _HEADERS.keys().isdisjoint(headers):
        facts |= {key: headers[name][:200] for name, key in _HEADERS.items() if headers.get(name)}
    if "agent" not in facts and (agent := _agent_of(headers.get("user-agent", "")[:500])):
        facts["agent"] = agent
    return facts


@lru_cache(maxsize=1024)
def _agent_of(user_agent: str) -> str:
    said = user_agent.lower()
    return next((agent for mark, agent in _AGENTS if mark in said), "")
