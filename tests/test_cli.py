"""The flask commands say what they did, or in one line why not."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from hyperstrate.auth import setup

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


@pytest.mark.parametrize("command", ["bootstrap", "recorder", "worker", "jobs", "purge", "banner"])
def test_every_command_says_what_it_is_for(runner: FlaskCliRunner, command: str) -> None:
    code, said = run(runner, command, "--help")

    assert code == 0
    assert len(said.splitlines()[2].strip()) > 20
