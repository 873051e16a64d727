"""The environment is read once, and nonsense is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from hyperstrate.config import Config, ConfigError, from_environment

SECRETS = {"JWT_SECRET": "x" * 32, "SECRET_KEYS": Fernet.generate_key().decode()}


def read(tmp_path: Path, **environment: str) -> Config:
    return from_environment({"SPOOL_DIR": str(tmp_path / "spool"), **environment})


def test_every_variable_has_a_default(tmp_path: Path) -> None:
    config = read(tmp_path)

    assert config.port == 8090
    assert config.database_uri.endswith("hyperstrate-dev.db")
    assert config.log_retention_days == 90
    assert config.private_upstreams == ("127.0.0.0/8", "::1/128", "localhost")


def test_development_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first, second = read(tmp_path), read(tmp_path)

    assert first.jwt_secret == second.jwt_secret
    assert first.secret_keys == second.secret_keys
    assert (tmp_path / "development.env").stat().st_mode & 0o077 == 0


def test_secrets_do_not_show_in_the_representation(tmp_path: Path) -> None:
    config = read(tmp_path, **SECRETS, SETUP_TOKEN="open-sesame")

    assert "x" * 32 not in repr(config)
    assert "open-sesame" not in repr(config)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgres://a@b/c", "postgresql+psycopg://a@b/c"),
        ("postgresql://a@b/c", "postgresql+psycopg://a@b/c"),
        ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
        ("file:/tmp/x.db?cache=shared&_fk=1", "sqlite:////tmp/x.db"),
    ],
)
def test_database_addresses_in_the_forms_people_write(
    given: str, expected: str, tmp_path: Path
) -> None:
    assert read(tmp_path, DATABASE_DSN=given).database_uri == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "0"),
        ("PORT", "99999"),
        ("DATABASE_DSN", "mysql://a@b/c"),
        ("DATABASE_DSN", "user:password@tcp(host)/db"),
        ("APP_ENV", "staging"),
        ("REDIS_URL", "localhost:6379"),
        ("JWT_SECRET", "short"),
        ("SECRET_KEYS", "not-a-fernet-key"),
        ("CACHE_BACKEND", "memcached"),
        ("LOG_RETENTION_DAYS", "-1"),
        ("MAX_BODY_BYTES", "1e9"),
        ("ALLOW_PRIVATE_UPSTREAMS", "10.0.0.0/99"),
        ("WEB_CONCURRENCY", "2"),
        ("FRONTEND_URL", "javascript:alert(1)"),
    ],
)
def test_nonsense_is_refused_by_name(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=name):
        read(tmp_path, **{name: value})


@pytest.mark.parametrize("missing", ["JWT_SECRET", "SECRET_KEYS"])
def test_production_needs_its_secrets(missing: str, tmp_path: Path) -> None:
    given = {name: value for name, value in SECRETS.items() if name != missing}

    with pytest.raises(ConfigError, match=missing):
        read(tmp_path, APP_ENV="production", **given)


def test_production_calls_nothing_inside_the_network(tmp_path: Path) -> None:
    config = read(tmp_path, APP_ENV="production", **SECRETS)

    assert config.private_upstreams == ()


def test_the_redis_of_the_original_is_honoured(tmp_path: Path) -> None:
    config = read(tmp_path, CACHE_BACKEND="redis", CACHE_REDIS_ADDR="cache:6380")

    assert config.redis_url == "redis://cache:6380"


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"OIDC_AUDIENCE": "us"}, "OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://idp.example"}, "OIDC_AUDIENCE"),
    ],
)
def test_tokens_of_an_issuer_are_checked_whole_in_production(
    tmp_path: Path, given: dict[str, str], missing: str
) -> None:
    jwks = {"OIDC_JWKS_URL": "https://idp.example/jwks"}

    with pytest.raises(ConfigError, match=f"^{missing}: "):
        read(tmp_path, APP_ENV="production", **SECRETS, **jwks, **given)


def test_half_an_identity_provider_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="OIDC_CLIENT_ID"):
        read(tmp_path, OIDC_DISCOVERY_URL="https://idp.example")
