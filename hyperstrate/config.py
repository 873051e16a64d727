"""Every environment variable, its type and default; refuses a bad one at start."""

from __future__ import annotations

import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

from dotenv import dotenv_values

T = TypeVar("T")


class ConfigError(Exception):
    """An environment variable is wrong; the message names it and says what it should be."""


def _text(value: str) -> str:
    return value


def _flag(value: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError("must be true or false")
    return words[value.lower()]


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.lstrip("-").isdigit() or not low <= int(value) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(value)

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be one of: {' '.join(words)}")
        return value

    return read


def _words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _url(*schemes: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"must start with {' or '.join(f'{s}://' for s in schemes)}")
        return value.rstrip("/")

    return read


def _database(value: str) -> str:
    """A SQLAlchemy address, from the forms that people write."""
    if value.startswith(("postgres://", "postgresql://")):
        return "postgresql+psycopg://" + value.split("://", 1)[1]
    if value.startswith(("sqlite:///", "postgresql+psycopg://")):
        return value
    if value.startswith("file:"):
        return "sqlite:///" + str(Path(value[5:].split("?", 1)[0]).absolute())
    raise ValueError("must be postgres://..., sqlite:///... or file:...; MySQL is not supported")


def _networks(value: str) -> tuple[str, ...]:
    """Host names, addresses and networks; ``*`` opens all."""
    for word in _words(value):
        if "/" in word:
            ip_network(word, strict=False)
    return _words(value)


def _secret_keys(value: str) -> tuple[str, ...]:
    if not all(map(_is_fernet_key, _words(value))):
        raise ValueError("each must be a Fernet key: 32 bytes in URL-safe base64")
    return _words(value)


def _is_fernet_key(key: str) -> bool:
    """Seen without cryptography: what is refused at start is refused at once."""
    try:
        return len(urlsafe_b64decode(key)) == 32
    except ValueError:
        return False


def _variable(name: str, default: Any, read: Callable[[str], Any], help: str) -> Any:
    is_secret = any(word in name for word in ("SECRET", "TOKEN", "DSN", "REDIS_URL"))
    metadata = {"name": name, "read": read, "help": help}
    return field(default=default, metadata=metadata, repr=not is_secret)


@dataclass(frozen=True)
class Config:
    """How this installation runs. Times are seconds, sizes bytes, unless the name says other."""

    app_env: str = _variable(
        "APP_ENV",
        "development",
        _one_of("development", "production"),
        "production: no .env files, and it does not start without JWT_SECRET and SECRET_KEYS",
    )
    port: int = _variable("PORT", 8090, _whole(1, 65535), "where the server listens")
    api_public_url: str = _variable(
        "API_PUBLIC_URL", "", _url("http", "https"), "the address that clients use"
    )
    database_uri: str = _variable(
        "DATABASE_DSN",
        _database("file:hyperstrate-dev.db"),
        _database,
        "postgres://..., or a SQLite file",
    )
    redis_url: str = _variable(
        "REDIS_URL",
        "",
        _url("redis", "rediss", "unix"),
        "Redis or Valkey; needed as soon as there is more than one process",
    )
    web_concurrency: int = _variable(
        "WEB_CONCURRENCY", 1, _whole(1, 256), "server processes; more than one needs REDIS_URL"
    )
    spool_dir: str = _variable(
        "SPOOL_DIR", "var/spool", _text, "where finished requests wait for the recorder"
    )
    jwt_secret: str = _variable("JWT_SECRET", "", _text, "signs sessions; at least 32 characters")
    secret_keys: tuple[str, ...] = _variable(
        "SECRET_KEYS", (), _secret_keys, "Fernet keys for provider secrets, newest first"
    )
    setup_token: str = _variable(
        "SETUP_TOKEN", "", _text, "opens the set-up page once; made and printed when empty"
    )
    admin_email: str = _variable("ADMIN_EMAIL", "", _text, "becomes admin at each sign-in")
    frontend_url: str = _variable(
        "FRONTEND_URL",
        "http://localhost:8080",
        _url("http", "https"),
        "the one other origin that may call the API from a browser",
    )
    oidc_jwks_url: str = _variable(
        "OIDC_JWKS_URL",
        "",
        _url("http", "https"),
        "keys of the tokens that POST /auth/oidc/exchange takes; none when empty",
    )
    oidc_issuer: str = _variable(
        "OIDC_ISSUER", "", _text, "iss of those tokens; needed with OIDC_JWKS_URL in production"
    )
    oidc_audience: str = _variable(
        "OIDC_AUDIENCE", "", _text, "aud of those tokens; needed with OIDC_JWKS_URL in production"
    )
    oidc_providers: tuple[str, ...] = _variable(
        "OIDC_PROVIDERS",
        (),
        _words,
        "sign-in buttons of a frontend that signs in elsewhere, such as google,github",
    )
    oidc_discovery_url: str = _variable(
        "OIDC_DISCOVERY_URL",
        "",
        _url("http", "https"),
        "an identity provider to sign in with: its issuer, or the address of its discovery",
    )
    oidc_client_id: str = _variable("OIDC_CLIENT_ID", "", _text, "our client id there")
    oidc_client_secret: str = _variable("OIDC_CLIENT_SECRET", "", _text, "our client secret there")
    ollama_base_url: str = _variable(
        "OLLAMA_BASE_URL", "http://localhost:11434", _url("http", "https"), "default of discovery"
    )
    cache_backend: str = _variable(
        "CACHE_BACKEND",
        "",
        _one_of("memory", "redis"),
        "where cached answers live; redis when REDIS_URL is set, else memory",
    )
    cache_redis_addr: str = _variable(
        "CACHE_REDIS_ADDR", "localhost:6379", _text, "host:port, used when REDIS_URL is empty"
    )
    cache_redis_prefix: str = _variable("CACHE_REDIS_PREFIX", "hs", _text, "prefix of all keys")
    rate_limit_backend: str = _variable(
        "RATE_LIMIT_BACKEND",
        "",
        _one_of("memory", "redis"),
        "where limits are counted; redis when REDIS_URL is set, else memory",
    )
    log_retention_days: int = _variable(
        "LOG_RETENTION_DAYS", 90, _whole(1, 36500), "how long logs are kept"
    )
    audit_retention_days: int = _variable(
        "AUDIT_RETENTION_DAYS", 365, _whole(1, 36500), "how long the audit is kept"
    )
    health_check_interval_s: int = _variable(
        "HEALTH_CHECK_INTERVAL_SECS", 120, _whole(5, 86400), "between two probes of a model"
    )
    max_body_bytes: int = _variable(
        "MAX_BODY_BYTES", 16 * 2**20, _whole(1024, 2**30), "a larger request is refused"
    )
    max_response_bytes: int = _variable(
        "MAX_RESPONSE_BYTES", 64 * 2**20, _whole(1024, 2**31), "a larger answer is refused"
    )
    max_messages: int = _variable("MAX_MESSAGES", 5000, _whole(1, 10**6), "messages in one request")
    allow_private_upstreams: tuple[str, ...] | None = _variable(
        "ALLOW_PRIVATE_UPSTREAMS",
        None,
        _networks,
        "hosts and networks inside that may be called; loopback in development",
    )
    trusted_proxies: int = _variable(
        "TRUSTED_PROXIES", 0, _whole(0, 10), "proxies in front whose X-Forwarded-* are believed"
    )
    log_level: str = _variable(
        "LOG_LEVEL", "info", _one_of("debug", "info", "warning", "error"), "what is written"
    )

    @property
    def is_production(self) -> bool:
        return self.app_env == "production"

    @property
    def private_upstreams(self) -> tuple[str, ...]:
        """What of the inside may be called: the list, else loopback in development."""
        if self.allow_private_upstreams is not None:
            return self.allow_private_upstreams
        return () if self.is_production else ("127.0.0.0/8", "::1/128", "localhost")


def from_environment(environ: Mapping[str, str] | None = None) -> Config:
    """Read .env, .env.local and the environment. Raises ConfigError with one clear line."""
    given = _values(os.environ if environ is None else environ)
    config = Config(**{
        name: _read(variable.metadata, given[variable.metadata["name"]])
        for name, variable in Config.__dataclass_fields__.items()
        if given.get(variable.metadata["name"])
    })  # fmt: skip
    config = _with_redis_of_the_cache(config)
    _refuse_nonsense(config)
    return _with_development_secrets(config)


def _values(environ: Mapping[str, str]) -> dict[str, str]:
    files: dict[str, str | None] = {}
    if environ.get("APP_ENV") != "production":
        files = {**dotenv_values(".env"), **dotenv_values(".env.local")}
    return {**{name: value for name, value in files.items() if value}, **environ}


def _read(variable: Mapping[str, Any], value: str) -> Any:
    try:
        return variable["read"](value.strip())
    except ValueError as error:
        raise ConfigError(f"{variable['name']}: {error}") from None


def _refuse_nonsense(config: Config) -> None:
    if config.jwt_secret and len(config.jwt_secret) < 32:
        raise ConfigError("JWT_SECRET: must have at least 32 characters")
    if config.is_production and not config.jwt_secret:
        raise ConfigError("JWT_SECRET: must be set in production")
    if config.is_production and not config.secret_keys:
        raise ConfigError("SECRET_KEYS: must be set in production")
    _refuse_half_a_provider(config)
    if config.web_concurrency > 1 and not config.redis_url:
        raise ConfigError("WEB_CONCURRENCY: more than one process needs REDIS_URL")


def _refuse_half_a_provider(config: Config) -> None:
    if bool(config.oidc_discovery_url) != bool(config.oidc_client_id):
        raise ConfigError("OIDC_DISCOVERY_URL, OIDC_CLIENT_ID: must be set together")
    if not (config.is_production and config.oidc_jwks_url):
        return
    for name, value in (
        ("OIDC_ISSUER", config.oidc_issuer),
        ("OIDC_AUDIENCE", config.oidc_audience),
    ):
        if not value:
            raise ConfigError(f"{name}: must be set with OIDC_JWKS_URL in production")


def _with_redis_of_the_cache(config: Config) -> Config:
    """The original named its Redis in CACHE_REDIS_ADDR; REDIS_URL wins over it."""
    wants_redis = "redis" in (config.cache_backend, config.rate_limit_backend)
    if config.redis_url or not wants_redis:
        return config
    return replace(config, redis_url=f"redis://{config.cache_redis_addr}")


def _with_development_secrets(config: Config) -> Config:
    """In development missing secrets are made once and kept beside the spool."""
    if config.jwt_secret and config.secret_keys:
        return config
    path = Path(config.spool_dir).parent / "development.env"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = {
            "JWT_SECRET": secrets.token_urlsafe(48),
            "SECRET_KEYS": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        lines = "".join(f"{name}={value}\n" for name, value in made.items())
        path.touch(mode=0o600)
        path.write_text(lines, encoding="ascii")
    kept = dotenv_values(path)
    return replace(
        config,
        jwt_secret=config.jwt_secret or kept["JWT_SECRET"] or "",
        secret_keys=config.secret_keys or _secret_keys(kept["SECRET_KEYS"] or ""),
    )
