"""The flask commands: bootstrap, recorder, worker, jobs, purge, banner."""

from __future__ import annotations

import click
from flask import Flask, current_app

from hyperstrate import preflight
from hyperstrate.auth import setup
from hyperstrate.config import Config
from hyperstrate.observability import recorder, retention
from hyperstrate.shared import queue
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError


def register(app: Flask) -> None:
    """Add the commands to ``flask``."""
    for command in (bootstrap, record, work, list_jobs, purge, banner):
        app.cli.add_command(command)


def _config() -> Config:
    config: Config = current_app.extensions["hyperstrate"]
    return config


@click.command("bootstrap")
@click.option("--org", required=True, help="Name of the organisation.")
@click.option("--email", required=True, help="E-mail of its first admin.")
@click.option("--password", required=True, help="At least 12 characters.", envvar="ADMIN_PASSWORD")
def bootstrap(org: str, email: str, password: str) -> None:
    """Set Hyperstrate up without a browser."""
    try:
        with unit_of_work():
            setup.bootstrap(org, email, password)
    except AppError as error:
        details = "; ".join(f"{name}: {', '.join(said)}" for name, said in error.fields.items())
        raise click.ClickException(f"{error.message} {details}".strip()) from None
    click.echo(f"{org} is set up; sign in as {email}.")


@click.command("recorder")
def record() -> None:
    """Write finished requests from the spool to the database, until the server ends."""
    with queue.looked_after(current_app.app_context):
        recorder.run(_config().spool_dir, retention_days=_config().log_retention_days)


@click.command("worker")
def work() -> None:
    """Do jobs: with REDIS_URL those of Redis, else those of the database, beside the server."""
    if not _config().redis_url:
        click.echo("Without REDIS_URL the server does its jobs itself; this worker helps.")
    queue.serve(current_app.app_context)


@click.command("jobs")
def list_jobs() -> None:
    """Show the jobs that were given up, newest first."""
    for job in queue.failed():
        click.echo(f"{job.created_at:%Y-%m-%d %H:%M} {job.id} {job.name} {job.error}")


@click.command("purge")
@click.option("--days", type=click.IntRange(min=1), help="Default: LOG_RETENTION_DAYS.")
def purge(days: int | None) -> None:
    """Delete logs that are older than the retention."""
    gone = retention.purge(days or _config().log_retention_days)
    click.echo(f"{gone} logs deleted.")


@click.command("banner")
def banner() -> None:
    """Say where Hyperstrate answers, and how to set it up."""
    if preflight.problem(current_app):
        return
    config = _config()
    address = config.api_public_url or f"http://localhost:{config.port}"
    click.echo(f"\n  Hyperstrate answers at {address}")
    token = setup.pending_token(config)
    if token:
        click.echo(f"  Set it up, once: {address}/app/setup?token={token}\n")
