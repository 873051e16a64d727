"""What is pasted to call a router: the first call, and how SDKs and tools are set up."""

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
_SETUPS = {
    "LangChain": """\
# pip install langchain-openai
import os

from langchain_openai import ChatOpenAI

llm = ChatOpenAI(
    model={model},
    base_url="{base}/v1",
    api_key=os.environ["{name}"],
)
print(llm.invoke("Say hello").content)
""",
    "Vercel AI SDK": """\
// npm install ai @ai-sdk/openai-compatible
import {{ createOpenAICompatible }} from "@ai-sdk/openai-compatible";
import {{ generateText }} from "ai";

const gateway = createOpenAICompatible({{
  name: "hyperstrate",
  baseURL: "{base}/v1",
  apiKey: process.env.{name},
}});
const {{ text }} = await generateText({{ model: gateway({model}), prompt: "Say hello" }});
console.log(text);
""",
    "Claude Code": """\
# without /v1, which Claude Code adds; every size of model is the router's business
export ANTHROPIC_BASE_URL={base}
export ANTHROPIC_AUTH_TOKEN={key}
export ANTHROPIC_MODEL={word}
export ANTHROPIC_DEFAULT_OPUS_MODEL={word}
export ANTHROPIC_DEFAULT_SONNET_MODEL={word}
export ANTHROPIC_DEFAULT_HAIKU_MODEL={word}
unset ANTHROPIC_API_KEY
claude
""",
    "Codex": """\
# ~/.codex/config.toml
# For Codex before February 2026. Later ones speak only OpenAI's Responses API (wire_api =
# "responses"), which this gateway does not have yet.
model = {model}
model_provider = "hyperstrate"

[model_providers.hyperstrate]
name = "Hyperstrate"
base_url = "{base}/v1"
env_key = "{name}"
wire_api = "chat"
""",
    "Cursor": """\
Cursor Settings > Models
  OpenAI API Key             the key in {name}
  Override OpenAI Base URL   {base}/v1
  Add or search model        {plain}

Cursor's own servers send the requests: the address must be one that they can reach.
""",
    "aider": """\
export OPENAI_API_BASE={base}/v1
export OPENAI_API_KEY={key}
aider --model {prefixed}
""",
}


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


def setups(base_url: str, model: str, key: str) -> list[tuple[str, str]]:
    """The first call, and the set-up of libraries and tools; ``key`` is a $VARIABLE.

    As their documents said in November 2026.
    """
    values = {
        "base": base_url,
        "model": _quoted(model),
        "plain": model,
        "word": shlex.quote(model),
        "prefixed": shlex.quote(f"openai/{model}"),
        "key": key,
        "name": key[1:],
    }
    return [
        *first_call(base_url, model, key),
        *((label, code.format(**values)) for label, code in _SETUPS.items()),
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
