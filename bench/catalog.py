"""Write hyperstrate/ai/catalog.json from public price data; run by ``make catalog``.

    python bench/catalog.py LITELLM_JSON VERSION > hyperstrate/ai/catalog.json

It runs where the PyPI packages ``genai-prices`` (MIT) and ``litellm`` (MIT) are installed, which
are no dependencies of the project. LITELLM_JSON is litellm's
``model_prices_and_context_window_backup.json``; VERSION is a date such as 2026.11.22.

Of a model's price the first of these counts: genai-prices at VERSION's date, litellm, and the table
``catalog_kept.csv`` of definition keys that must never vanish, with the cache prices below.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from genai_prices.data import providers as PRICED

Json = dict[str, Any]
KINDS = ("input", "cachedInput", "cacheWrite", "cacheWrite1h", "output")


class Source(NamedTuple):
    """Where the models of one of our providers are found."""

    provider: str
    prefix: str
    litellm: tuple[str, ...]
    litellm_prefix: str
    genai: str
    suffix: str = ""
    skip: str = r"$^"


SOURCES = (
    Source("OPENAI", "chatgpt/", ("openai",), "", "openai", skip=r"ft:|chat-latest|daybreak|cyber"),
    Source("AZURE_OPENAI", "azure/", ("azure",), "azure/", "azure", " (Azure)", r".*/|command"),
    Source("ANTHROPIC", "anthropic/", ("anthropic",), "", "anthropic"),
    Source("GEMINI", "gemini/", ("gemini",), "gemini/", "google", skip=r"lyria|learnlm|.*omni"),
    Source("MISTRAL", "mistral/", ("mistral",), "mistral/", "mistral", skip=r"labs|voxtral"),
    Source("GROQ", "groq/", ("groq",), "groq/", "groq", " (Groq)"),
    Source("COHERE", "cohere/", ("cohere_chat", "cohere"), "cohere/", "cohere", " (Cohere)"),
    Source("BEDROCK", "bedrock/", ("bedrock", "bedrock_converse"), "", "aws", " (Bedrock)",
           r".*[/@]|(us|eu|apac|jp|au|ca|global|us-gov)\.|twelvelabs"),
    Source("OLLAMA", "ollama/", ("ollama",), "ollama/", "", " (Ollama)"),
    Source("DEEPSEEK", "deepseek/", ("deepseek",), "deepseek/", "deepseek"),
    Source("OPENROUTER", "openrouter/", (), "", "openrouter", " (OpenRouter)", r".*:|openrouter|~"),
    Source("XAI", "xai/", ("xai",), "xai/", "x-ai", skip=r".*(beta|experimental|gv2)"),
    Source("TOGETHER", "together/", ("together_ai",), "together_ai/", "together", " (Together)",
           r"together-ai"),
    Source("FIREWORKS", "fireworks/", ("fireworks_ai",), "fireworks_ai/", "fireworks",
           " (Fireworks)", r"(?!accounts/fireworks/models/)"),
    Source("CEREBRAS", "cerebras/", ("cerebras",), "cerebras/", "cerebras", " (Cerebras)"),
    Source("PERPLEXITY", "perplexity/", ("perplexity",), "perplexity/", "perplexity",
           skip=r"(?!sonar|pplx-embed)"),
)  # fmt: skip
SOURCE_OF = {source.provider: source for source in SOURCES}
SELF_HOSTED = {"OLLAMA", "VLLM", "LOCALAI"}
# Models that answer with or for other than text and vectors, and parts of other products.
NOT_OURS = re.compile(
    r"audio|realtime|tts|image|transcri|container|search|computer-use|robotics|moderation|guard"
    r"|whisper|embed-image|preview-tts|live|video|customtools|vibe-cli|code-fim",
    re.IGNORECASE,
)
CAPABILITIES = {
    "supports_function_calling": "function_calling",
    "supports_vision": "vision",
    "supports_reasoning": "reasoning",
    "supports_response_schema": "structured_output",
    "supports_prompt_caching": "prompt_caching",
    "supports_pdf_input": "pdf",
    "supports_audio_input": "audio",
    "supports_web_search": "web_search",
}
# Cache-read prices that the kept definitions promise where no public data has the model.
KEPT_CACHED = {
    "gpt-5.5": "0.50", "gpt-5.4": "0.25", "gpt-5.4-mini": "0.075", "gpt-5.4-nano": "0.02",
    "gpt-5.2": "0.175", "gpt-5.1": "0.125", "gpt-5": "0.125", "gpt-5-mini": "0.025",
    "gpt-5-nano": "0.005", "gpt-4.1": "0.50", "gpt-4.1-mini": "0.10", "gpt-4.1-nano": "0.025",
    "gpt-4o": "1.25", "gpt-4o-mini": "0.075", "o4-mini": "0.275", "o3": "0.50",
    "o3-mini": "0.55", "o1": "7.50", "o1-mini": "0.55",
}  # fmt: skip
DUMMY = {
    "provider": "DUMMY",
    "description": "Answers without network, with the delays, chunks and faults that you choose. "
    "Its prices are play money.",
    "input": "1",
    "cachedInput": "0.1",
    "output": "2",
    "contextWindow": 128000,
}


class PublicData:
    """Both packages' data, asked by our provider and the upstream's model id."""

    def __init__(self, litellm: Json, at: datetime) -> None:
        self.litellm = litellm
        self.at = at
        self.by_genai = {provider.id: provider for provider in PRICED}
        self.capabilities: dict[str, set[str]] = {}
        for key, entry in litellm.items():
            self.capabilities.setdefault(tail(key), set()).update(capabilities(entry))

    def entry(self, source: Source, model_id: str) -> Json:
        """litellm's line, if it is about this provider."""
        for key in (source.litellm_prefix + model_id, model_id):
            entry: Json = self.litellm.get(key, {})
            if entry.get("litellm_provider") in source.litellm:
                return entry
        return {}

    def priced(self, source: Source, model_id: str) -> Any:
        """genai-prices' line of this model."""
        provider = self.by_genai.get(source.genai)
        return provider.find_model(model_id, all_providers=PRICED) if provider else None

    def model(self, source: Source, model_id: str) -> Json:
        """All that is known of a model, without its key."""
        entry, priced = self.entry(source, model_id), self.priced(source, model_id)
        prices = genai_prices(priced, self.at) or litellm_prices(entry)
        is_embedding = entry.get("mode") == "embedding" or "embed" in model_id
        known = capabilities(entry) or self.capabilities.get(tail(model_id), set())
        line = {
            "modelId": model_id,
            "displayName": (priced and priced.name) or pretty(model_id),
            **prices,
            "contextWindow": (priced and priced.context_window) or entry.get("max_input_tokens"),
            "maxOutputTokens": None if is_embedding else entry.get("max_output_tokens"),
            "capabilities": ["embedding"] if is_embedding else sorted(known),
            "deprecated": entry.get("deprecation_date"),
        }
        return {name: value for name, value in line.items() if value}


def tail(model_id: str) -> str:
    """The part of an id that providers share: ``anthropic/claude-x-4.5`` is ``claude-x-4-5``."""
    return model_id.lower().rsplit("/", 1)[-1].replace(".", "-")


def capabilities(entry: Json) -> set[str]:
    return {word for name, word in CAPABILITIES.items() if entry.get(name)}


def number(value: Decimal) -> str:
    return format(value.normalize(), "f")


def genai_prices(model: Any, at: datetime) -> Json:
    """Prices and tiers of a genai-prices model; nothing when it is not priced by tokens."""
    if model is None:
        return {}
    price = model.get_prices(at)
    names = zip(KINDS, ("input", "cache_read", "cache_write", "cache_write_1h", "output"),
                strict=True)  # fmt: skip
    found = {kind: getattr(price, f"{name}_mtok", None) for kind, name in names}
    if found["input"] is None:
        return {}
    flat, tiers = {}, {}
    for kind, value in found.items():
        if value is None:
            continue
        flat[kind] = number(getattr(value, "base", value))
        for tier in getattr(value, "tiers", ()):
            tiers.setdefault(tier.start, {})[kind] = number(tier.price)
    return with_tiers(flat, tiers)


def litellm_prices(entry: Json) -> Json:
    """Prices per million and tiers of a litellm line."""
    if "input_cost_per_token" not in entry:
        return {}
    names = dict(zip(KINDS, ("input_cost_per_token", "cache_read_input_token_cost",
                             "cache_creation_input_token_cost",
                             "cache_creation_input_token_cost_above_1hr",
                             "output_cost_per_token"), strict=True))  # fmt: skip
    flat = {kind: per_million(entry[name]) for kind, name in names.items() if entry.get(name)}
    tiers: dict[int, Json] = {}
    for kind, name in names.items():
        for field, value in entry.items():
            above = re.fullmatch(rf"{name}_above_(\d+)k_tokens", field)
            if above:
                tiers.setdefault(int(above[1]) * 1000, {})[kind] = per_million(value)
    return with_tiers({"input": "0", "output": "0"} | flat, tiers)


def per_million(value: float) -> str:
    return number(Decimal(str(value)) * 1_000_000)


def with_tiers(flat: Json, tiers: dict[int, Json]) -> Json:
    listed = [{"above": above, **tiers[above]} for above in sorted(tiers)]
    return {**flat, **({"tiers": listed} if listed else {})}


def pretty(model_id: str) -> str:
    """A name to read, from an id."""
    words = re.split(r"[-_ ]+", model_id.rsplit("/", 1)[-1])
    upper = {"gpt", "glm", "oss"}
    return " ".join(word.upper() if word in upper else word[:1].upper() + word[1:]
                    for word in words)  # fmt: skip


def kept_models(data: PublicData) -> dict[str, Json]:
    """The definitions of catalog_kept.csv, brought up to date."""
    models = {}
    with (Path(__file__).parent / "catalog_kept.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            source = SOURCE_OF.get(row["provider"])
            found = data.model(source, row["model_id"]) if source else {}
            if row["provider"] in SELF_HOSTED or "input" not in found:
                found |= kept_prices(row)
            words = {*row["capabilities"].split(), *found.get("capabilities", [])}
            window = found.get("contextWindow") or int(row["context_window"])
            models[row["key"]] = {
                "provider": row["provider"],
                **found,
                "modelId": row["model_id"],
                "displayName": row["display_name"],
                **({"contextWindow": window} if window else {}),
                **({"capabilities": sorted(words)} if words else {}),
            }
    return models


def kept_prices(row: dict[str, str]) -> Json:
    """The price that a kept definition has of old; Kling and custom models have none."""
    if row["provider"] in {"KLING", "CUSTOM"}:
        return {}
    price = Decimal(row["input"])
    prices = {"input": number(price), "output": number(Decimal(row["output"]))}
    if row["provider"] == "ANTHROPIC":
        factors = {"cachedInput": "0.1", "cacheWrite": "1.25", "cacheWrite1h": "2"}
        prices |= {kind: number(price * Decimal(times)) for kind, times in factors.items()}
    if row["provider"] in {"OPENAI", "AZURE_OPENAI"} and row["model_id"] in KEPT_CACHED:
        prices["cachedInput"] = number(Decimal(KEPT_CACHED[row["model_id"]]))
    return prices


def candidates(data: PublicData, source: Source) -> set[str]:
    """The chat and embedding models of a provider that are still served."""
    today = data.at.date().isoformat()
    found = {
        key.removeprefix(source.litellm_prefix)
        for key, entry in data.litellm.items()
        if entry.get("litellm_provider") in source.litellm
        and entry.get("mode") in {"chat", "embedding"}
        and entry.get("deprecation_date", "9") >= today
        and (source.provider in SELF_HOSTED or entry.get("input_cost_per_token"))
    }
    if not source.litellm:
        found = {model.id for model in data.by_genai[source.genai].models
                 if not model.deprecated and model.context_window
                 and genai_prices(model, data.at).get("cachedInput")}  # fmt: skip
    return {name for name in found if not re.match(source.skip, name) and not NOT_OURS.search(name)}


def new_models(data: PublicData, taken: set[tuple[str, str]]) -> dict[str, Json]:
    """Every other model of the public data."""
    models = {}
    for source in SOURCES:
        for model_id in candidates(data, source):
            if (source.provider, model_id) in taken:
                continue
            line = data.model(source, model_id)
            if source.provider in SELF_HOSTED:
                line |= {"input": "0", "output": "0"}
            prefix = source.prefix
            if prefix == "chatgpt/" and "embedding" in line.get("capabilities", []):
                prefix = "openai/"
            short = model_id.removeprefix("accounts/fireworks/models/")
            line["displayName"] += source.suffix
            models[prefix + short] = {"provider": source.provider, **line}
    return models


def main() -> None:
    litellm = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    version = sys.argv[2]
    data = PublicData(litellm, datetime.strptime(version, "%Y.%m.%d").replace(tzinfo=UTC))
    kept = kept_models(data)
    taken = {(line["provider"], line["modelId"]) for line in kept.values()}
    models = new_models(data, taken) | kept
    models["dummy"] = DUMMY | {"modelId": "dummy", "displayName": "Dummy",
                               "capabilities": ["function_calling"]}  # fmt: skip
    models["dummy/embeddings"] = DUMMY | {"modelId": "dummy-embeddings", "output": "0",
                                          "displayName": "Dummy embeddings",
                                          "capabilities": ["embedding"]}  # fmt: skip
    lines = [json.dumps(key) + ":" + json.dumps(models[key], separators=(",", ":"))
             for key in sorted(models)]  # fmt: skip
    print(f'{{"version":"{version}","models":{{\n' + ",\n".join(lines) + "\n}}")


if __name__ == "__main__":
    main()
