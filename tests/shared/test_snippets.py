"""The snippets are code that runs as it stands."""

from __future__ import annotations

import ast
import json
import shlex
import tomllib

from hyperstrate.shared.snippets import first_call, setups

NAME = """it's "quoted" & ünusual"""


def test_python_snippets_parse_and_keep_the_name_as_it_is() -> None:
    samples = dict(first_call("http://localhost:8090/router/r1", NAME, "hs_key"))

    for label in ("Python, OpenAI", "Python, Anthropic"):
        nodes = ast.walk(ast.parse(samples[label]))
        texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
        assert NAME in texts
        assert "hs_key" in texts


def test_the_curl_snippet_sends_json_through_a_shell() -> None:
    samples = dict(first_call("http://localhost:8090/router/r1", NAME, "hs_key"))

    words = shlex.split(samples["curl"])

    assert words[1] == "http://localhost:8090/router/r1/v1/chat/completions"
    assert json.loads(words[-1])["model"] == NAME
    assert "Authorization: Bearer hs_key" in words


def test_a_variable_is_read_from_the_environment() -> None:
    samples = dict(first_call("http://x", "m", "$HYPERSTRATE_API_KEY"))

    assert samples["Python, OpenAI"].startswith("import os\n")
    assert 'api_key=os.environ["HYPERSTRATE_API_KEY"]' in samples["Python, Anthropic"]
    assert "Bearer $HYPERSTRATE_API_KEY" in samples["curl"]


def test_every_set_up_has_the_address_the_key_and_the_name() -> None:
    samples = dict(setups("http://localhost:8090", NAME, "$HYPERSTRATE_API_KEY"))

    assert list(samples)[3:] == [
        "LangChain", "Vercel AI SDK", "Claude Code", "Codex", "Cursor", "aider"
    ]  # fmt: skip
    for label, code in samples.items():
        assert "http://localhost:8090" in code, label
        assert "HYPERSTRATE_API_KEY" in code, label


def test_set_ups_keep_a_strange_name_as_it_is() -> None:
    samples = dict(setups("http://localhost:8090", NAME, "$HYPERSTRATE_API_KEY"))

    nodes = ast.walk(ast.parse(samples["LangChain"]))
    assert NAME in [node.value for node in nodes if isinstance(node, ast.Constant)]
    assert f"ANTHROPIC_MODEL={NAME}" in shlex.split(samples["Claude Code"], comments=True)
    assert shlex.split(samples["aider"])[-1] == f"openai/{NAME}"
    assert tomllib.loads(samples["Codex"])["model"] == NAME
