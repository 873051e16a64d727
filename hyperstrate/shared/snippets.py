"""The first call to a router or model, ready to paste: curl, OpenAI's and Anthropic's SDK."""

from __future__ import annotations

import json
import shlex

_OPENAI = """\
{imports}from openai import OpenAI

client = OpenAI(base_url={url}, api_key={key})
answer = client.chat.completions.create(
    model={model},
    messages=[{{"role": "user", "content": "Say hello"}}],
)
print(answer.choices[0].message.content)
"""
_ANTHROPIC = """\
{imports}from anthropic import Anthropic

client = Anthropic(base_url={url}, api_key={key})
answer = client.messages.create(
    model={model},
    max_tokens=256,
    messages=[{{"role": "user", "content": "Say hello"}}],
)
print(answer.content[0].text)
"""


def first_call(base_url: str, model: str, key: str) -> list[tuple[str, str]]:
    """Label and code of each. ``base_url`` is without /v1; ``key`` may be a $VARIABLE."""
    is_variable = key.startswith("$")
    values = {
        "imports": "import os\n\n" if is_variable else "",
        "key": f'os.environ["{key[1:]}"]' if is_variable else _quoted(key),
        "model": _quoted(model),
    }
    return [
        ("curl", _curl(base_url, model, key)),
        ("Python, OpenAI", _OPENAI.format(url=_quoted(f"{base_url}/v1"), **values)),
        ("Python, Anthropic", _ANTHROPIC.format(url=_quoted(base_url), **values)),
    ]


def _curl(base_url: str, model: str, key: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": "Say hello"}]}
    lines = [
        f"curl {base_url}/v1/chat/completions",
        f'  -H "Authorization: Bearer {key}"',
        '  -H "Content-Type: application/json"',
        f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))}",
    ]
    return " \\\n".join(lines)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
