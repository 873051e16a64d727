"""The flask commands say what they did, or in one line why not."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskCliRunner

from hyperstrate.auth.people import setup
from hyperstrate.auth.sso import providers
from hyperstrate.shared import crypto
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.spool import SpoolReader
from tests.observability.chains import rows, tamper
from tests.people import People

ADA = ("--org", "Acme", "--email", "ada@example.com", "--password", "correct horse battery")


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def run(runner: FlaskCliRunner, *arguments: str) -> tuple[int, str]:
    done = runner.invoke(args=list(arguments))
    return done.exit_code, done.output


def test_bootstrap_sets_up_without_a_browser(app: Flask, runner: FlaskCliRunner) -> None:
    code, said = run(runner, "bootstrap", *ADA)

    assert (code, said) == (0, "Acme is set up; sign in as ada@example.com.\n")
    signed_in = app.test_client().post(
        "/auth/login", json={"email": "ada@example.com", "password": "correct horse battery"}
    )
    assert signed_in.status_code == 200


def test_bootstrap_sets_up_once(runner: FlaskCliRunner) -> None:
    run(runner, "bootstrap", *ADA)

    code, said = run(runner, "bootstrap", *ADA)

    assert code == 1
    assert said.startswith("Error: ")
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("change", "named"),
    [({"--password": "short"}, "password"), ({"--email": "nonsense"}, "email")],
)
def test_bootstrap_names_what_is_wrong_and_does_nothing(
    runner: FlaskCliRunner, change: dict[str, str], named: str
) -> None:
    options = dict(zip(ADA[::2], ADA[1::2], strict=True)) | change

    code, said = run(runner, "bootstrap", *(word for pair in options.items() for word in pair))

    assert code == 1
    assert named in said
    assert setup.is_required()


def test_bootstrap_takes_the_password_from_the_environment(
    runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There it stands in no list of processes."""
    monkeypatch.setenv("ADMIN_PASSWORD", "correct horse battery")

    code, _ = run(runner, "bootstrap", *ADA[:4])

    assert code == 0


def test_purge_deletes_what_is_older_than_some_days(runner: FlaskCliRunner) -> None:
    assert run(runner, "purge") == (0, "0 logs deleted.\n")
    assert run(runner, "purge", "--days", "7") == (0, "0 logs deleted.\n")
    assert run(runner, "purge", "--days", "0")[0] == 2


def test_recount_builds_the_sums_anew(runner: FlaskCliRunner) -> None:
    assert run(runner, "recount") == (0, "0 hours counted anew.\n")


@pytest.mark.parametrize(
    "command", ["bootstrap", "recorder", "worker", "jobs", "purge", "recount", "banner"]
)
def test_every_command_says_what_it_is_for(runner: FlaskCliRunner, command: str) -> None:
    code, said = run(runner, command, "--help")

    assert code == 0
    assert len(said.splitlines()[2].strip()) > 20


def test_audit_verify_proves_every_chain(runner: FlaskCliRunner) -> None:
    run(runner, "bootstrap", *ADA)

    code, said = run(runner, "audit", "verify")

    assert code == 0
    assert "installation: 1 entries, whole up to #1 " in said
    assert said.count("whole") == 2


def test_audit_verify_names_the_first_broken_entry_and_fails(runner: FlaskCliRunner) -> None:
    run(runner, "bootstrap", *ADA)
    tamper(2, user_email="eve@example.com")

    code, said = run(runner, "audit", "verify")

    assert code == 1
    assert "broken at #2: it was changed after it was written" in said


def test_the_audit_names_the_command_that_wrote(runner: FlaskCliRunner) -> None:
    run(runner, "bootstrap", *ADA)

    run(runner, "purge", "--days", "30")

    made, purged = rows("")
    assert (made.actor_kind, made.user_email) == ("system", "flask bootstrap")
    assert (purged.user_email, purged.action, purged.resource) == ("flask purge", "purge", "logs")


def test_secrets_rotate_says_what_it_did_and_what_nobody_can_read(
    runner: FlaskCliRunner, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, foreign = (Fernet.generate_key().decode() for _ in range(3))
    monkeypatch.setattr(crypto, "_keys", ())
    crypto.configure([old])
    row = {"kind": "github", "name": "GitHub", "client_id": "x", "client_secret": "y"}
    with unit_of_work():
        providers.add(people.alice.org_id, row)
        lost = providers.add(people.alice.org_id, row)
        lost.client_secret = Fernet(foreign).encrypt(b"lost").decode()
    crypto.configure([new, old])

    code, said = run(runner, "secrets", "rotate")

    assert code == 1
    assert said.splitlines() == [
        "auth_sso_providers: 1 sealed anew",
        f"auth_sso_providers {lost.id}: no key of SECRET_KEYS opens it; enter it again",
        "1 secrets sealed with the newest key, 1 rows unreadable.",
    ]


def test_a_tenant_that_shut_itself_out_is_let_in_again(
    runner: FlaskCliRunner, people: People
) -> None:
    org_id = people.alice.org_id
    with unit_of_work():
        providers.add(org_id, {"kind": "github", "name": "GitHub", "client_id": "x"})
        providers.require(org_id, is_required=True)

    code, said = run(runner, "sso", "allow-passwords", "--org", org_id)

    assert (code, said) == (0, "People of Acme may sign in with their passwords.\n")
    assert not providers.is_required(org_id)
    assert run(runner, "sso", "allow-passwords", "--org", "org_nobody")[0] == 1


def test_doctor_tells_every_part_and_fails_where_one_is_not_well(
    app: Flask, runner: FlaskCliRunner
) -> None:
    reader = SpoolReader(app.extensions["hyperstrate"].spool_dir)

    _, before = run(runner, "doctor")
    assert reader.acquire()
    code, after = run(runner, "doctor")
    reader.release()

    assert "degraded     Recorder: no process of this host records" in before
    assert "no process of this host records" not in after
    assert "degraded     Database: the database is at migration none" in after
    assert code == 1
