"""What a client says of its agent session: in the body, in headers, or by its name alone."""

from __future__ import annotations

import pytest

from hyperstrate.router.sessions import session_of


@pytest.mark.parametrize(
    ("header", "fact"),
    [
        ("x-agent-session-id", "agent_session_id"), ("x-session-id", "agent_session_id"),
        ("x-conversation-id", "conversation_id"), ("x-agent", "agent"),
        ("x-agent-client", "agent"), ("x-agent-role", "agent_role"),
        ("x-agent-repo", "repo"), ("x-repo", "repo"), ("x-agent-branch", "branch"),
        ("x-git-branch", "branch"), ("x-parent-session-id", "parent_session_id"),
        ("x-parent-agent-session-id", "parent_agent_session_id"),
        ("x-parent-agent", "parent_agent"), ("x-agent-user-id", "agent_user_id"),
        ("x-user-id", "user_id"), ("x-parent-agent-user-id", "parent_agent_user_id"),
        ("x-parent-user-id", "parent_user_id"), ("x-agent-turn-index", "turn_index"),
    ],
)  # fmt: skip
def test_each_header_says_one_fact(header: str, fact: str) -> None:
    assert session_of({header: "7"}, {}) == {fact: "7"}


def test_a_header_wins_over_the_body_and_a_later_one_over_an_earlier() -> None:
    headers = {"x-session-id": "later", "x-agent-session-id": "earlier"}

    facts = session_of(headers, {"agent_session_id": "body", "repo": "shop"})

    assert facts == {"agent_session_id": "later", "repo": "shop"}


@pytest.mark.parametrize(
    ("user_agent", "agent"),
    [
        ("claude-code/2.1 (cli)", "claude_code"), ("claude_code/1.0", "claude_code"),
        ("claude-cli/1.0 (external)", "claude_code"), ("Cursor/1.7", "cursor"),
        ("Windsurf/2", "windsurf"), ("codeium/1.2", "windsurf"), ("continue/1.0", "continue"),
        ("vscode ContinueDev", "continue"), ("aider/0.80", "aider"), ("Cline/3", "cline"),
        ("codex_cli_rs/0.50", "codex"), ("GitHub-Copilot", "copilot"), ("copilot/1", "copilot"),
        ("Void/1", "void"), ("Zed/0.200 assistant", "zed"), ("OpenAI/Python 2.0", ""), ("", ""),
    ],
)  # fmt: skip
def test_an_agent_is_known_by_its_user_agent(user_agent: str, agent: str) -> None:
    assert session_of({"user-agent": user_agent}, {}) == ({"agent": agent} if agent else {})


def test_an_agent_that_names_itself_is_believed() -> None:
    headers = {"user-agent": "claude-code/2.1", "x-agent": "mine"}

    assert session_of(headers, {})["agent"] == "mine"
    assert session_of({"user-agent": "cursor/1"}, {"agent": "body"})["agent"] == "body"


def test_empty_words_say_nothing() -> None:
    headers = {"x-session-id": "", "x-agent": "", "user-agent": "cursor/1"}

    assert session_of(headers, {"agent": "", "repo": ""}) == {"agent": "cursor"}


def test_a_header_is_cut_to_a_size_that_can_be_kept() -> None:
    assert len(session_of({"x-session-id": "a" * 5000}, {})["agent_session_id"]) == 200
