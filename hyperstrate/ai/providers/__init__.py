"""PROVIDERS: the adapter of every provider that can be called; PROFILES: what each one needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hyperstrate.ai.providers.anthropic import Anthropic
from hyperstrate.ai.providers.base import Provider
from hyperstrate.ai.providers.openai import FAMILY, OpenAI


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret that a provider asks for; ``key`` is its field in a configuration."""

    key: str
    label: str
    is_required: bool = True
    description: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """How a provider is reached. ``base_url`` is the default, empty where there is none."""

    label: str
    base_url: str = ""
    credentials: tuple[Credential, ...] = (Credential("apiKey", "API key"),)

    @property
    def needs_key(self) -> bool:
        return any(credential.is_required for credential in self.credentials)


OPTIONAL_KEY = (Credential("apiKey", "API key", is_required=False),)

PROFILES: dict[str, Profile] = {
    "OPENAI": Profile("OpenAI", "https://api.openai.com/v1"),
    "AZURE_OPENAI": Profile(
        "Azure OpenAI",
        credentials=(
            Credential("apiKey", "API key"),
            Credential("apiSecret", "API version", is_required=False,
                       description="Such as 2024-10-21"),
        ),
    ),
    "ANTHROPIC": Profile("Anthropic", "https://api.anthropic.com/v1"),
    "MISTRAL": Profile("Mistral", "https://api.mistral.ai/v1"),
    "GROQ": Profile("Groq", "https://api.groq.com/openai/v1"),
    "DEEPSEEK": Profile("DeepSeek", "https://api.deepseek.com/v1"),
    "OPENROUTER": Profile("OpenRouter", "https://openrouter.ai/api/v1"),
    "XAI": Profile("xAI", "https://api.x.ai/v1"),
    "TOGETHER": Profile("Together", "https://api.together.xyz/v1"),
    "FIREWORKS": Profile("Fireworks", "https://api.fireworks.ai/inference/v1"),
    "CEREBRAS": Profile("Cerebras", "https://api.cerebras.ai/v1"),
    "PERPLEXITY": Profile("Perplexity", "https://api.perplexity.ai"),
    "OLLAMA": Profile("Ollama", "http://localhost:11434/v1", OPTIONAL_KEY),
    "VLLM": Profile("vLLM", "http://localhost:8000/v1", OPTIONAL_KEY),
    "LOCALAI": Profile("LocalAI", "http://localhost:8080/v1", OPTIONAL_KEY),
    "DUMMY": Profile("Dummy", "dummy://local", ()),
    "GEMINI": Profile("Gemini", "https://generativelanguage.googleapis.com/v1beta"),
    "COHERE": Profile("Cohere", "https://api.cohere.com"),
    "BEDROCK": Profile(
        "Bedrock",
        "https://bedrock-runtime.us-east-1.amazonaws.com",
        (
            Credential("apiKey", "AWS access key id", is_required=False),
            Credential("apiSecret", "AWS secret access key", is_required=False),
        ),
    ),
    "KLING": Profile(
        "Kling",
        "https://api.klingai.com/v1",
        (Credential("apiKey", "Access key id"), Credential("apiSecret", "Secret access key")),
    ),
    "CUSTOM": Profile(
        "Custom", "", (*OPTIONAL_KEY, Credential("apiSecret", "API secret", is_required=False))
    ),
}  # fmt: skip

_ADAPTERS: tuple[Provider, ...] = (*FAMILY, Anthropic(), OpenAI("DUMMY"))
PROVIDERS: dict[str, Provider] = {provider.name: provider for provider in _ADAPTERS}


def place_ollama(url: str) -> None:
    """Ollama answers at ``url`` unless a configuration says other (OLLAMA_BASE_URL)."""
    PROFILES["OLLAMA"] = replace(PROFILES["OLLAMA"], base_url=f"{url.rstrip('/')}/v1")
