"""The flask commands: bootstrap, recorder, worker, jobs, purge, secrets, audit and others."""

from __future__ import annotations

import os
from typing import BinaryIO, TextIO

import click
from flask import Flask, current_app

from hyperstrate import access, preflight
from hyperstrate.auth.books import balance, comparison_csv, provider_csv, reconciliation
from hyperstrate.auth.keys import leaks
from hyperstrate.auth.people import organizations, setup
from hyperstrate.auth.runtime import runtime
from hyperstrate.auth.sso import providers
from hyperstrate.config import Config
from hyperstrate.observability import audit_chain, recorder, retention, sums, system
from hyperstrate.observability.api.common import observability
from hyperstrate.shared import audit, queue, sealed
from hyperstrate.shared.db import unit_of_work
from hyperstrate.shared.errors import AppError


def register(app: Flask) -> None:
    """Add the commands to ``flask``."""
    for command in (
        bootstrap,
        record,
        work,
        list_jobs,
        purge,
        recount,
        books,
        keys,
        secrets,
        banner,
        audit_group,
        show_access,
        doctor,
        sso,
    ):
        app.cli.add_command(command)


def _config() -> Config:
    config: Config = current_app.extensions["hyperstrate"]
    return config


def _shown(error: AppError) -> click.ClickException:
    details = "; ".join(f"{name}: {', '.join(said)}" for name, said in error.fields.items())
    return click.ClickException(f"{error.message} {details}".strip())


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
        raise _shown(error) from None
    click.echo(f"{org} is set up; sign in as {email}.")


@click.command("recorder")
def record() -> None:
    """Write finished requests from the spool to the database, until the server ends."""
    record_beside(os.getppid())


def record_beside(parent: int) -> None:
    """The same, until the process ``parent`` ends, which may have happened by now."""
    with queue.looked_after(current_app.app_context):
        recorder.run(
            _config().spool_dir,
            parent=parent,
            retention_days=_config().log_retention_days,
            audit_days=_config().audit_retention_days,
        )


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
    """Delete logs that are older than the retention, and audit entries older than theirs."""
    gone = retention.purge(days or _config().log_retention_days)
    with unit_of_work():
        audit.log("purge", object_type="logs", detail={"deleted": gone})
    entries = retention.purge_audit(_config().audit_retention_days)
    click.echo(f"{gone} logs deleted." + (f" {entries} audit entries deleted." if entries else ""))


@click.command("recount")
def recount() -> None:
    """Build the hourly sums of the log anew; recording goes on meanwhile."""
    hours = sums.rebuild(_config().log_retention_days)
    with unit_of_work():
        audit.log("recount", object_type="logs", detail={"hours": hours})
    click.echo(f"{hours} hours counted anew.")


@click.command("doctor")
def doctor() -> None:
    """Show how every part of the installation is; exit 1 when one is not well."""
    found = observability()
    runtime().store.get("doctor")  # this process has not asked Redis anything yet
    looked = system.look(_config(), found.ports, found.health)
    for part in looked.parts:
        click.echo(f"{part.status:12} {part.label}{f': {part.problem}' if part.problem else ''}")
        for fact in part.facts:
            click.echo(f"{'':12} {fact.label}: {fact.words}")
    if looked.status != "ok":
        raise SystemExit(1)


@click.command("access")
def show_access() -> None:
    """Show what every route answers to nobody, keys, members, viewers and admins."""
    click.echo(
        access.table(access.routes(current_app.url_map, current_app.view_functions)), nl=False
    )


@click.group("audit")
def audit_group() -> None:
    """Prove the audit."""


@audit_group.command("verify")
@click.option("--org", "org_id", help="Only this organisation's chain; default: all.")
def verify_audit(org_id: str | None) -> None:
    """Walk the chains of audit entries; fails when an entry was changed, moved or deleted.

    The last number and hash that it shows, kept elsewhere, prove even that nobody wrote a whole
    chain anew.
    """
    verdicts = [audit_chain.verify(id) for id in ([org_id] if org_id else audit_chain.chains())]
    for verdict in verdicts:
        name = verdict.org_id or "installation"
        if verdict.is_whole:
            click.echo(f"{name}: {verdict.rows} entries, whole up to #{verdict.seq} {verdict.hash}")
        else:
            click.echo(f"{name}: broken at #{verdict.at}: {verdict.problem}")
    if not all(verdict.is_whole for verdict in verdicts):
        raise SystemExit(1)


@click.group("keys")
def keys() -> None:
    """The keys of applications."""


@keys.command("check")
@click.argument("text", type=click.File(errors="replace"), default="-")
def check_keys(text: TextIO) -> None:
    """Find our keys in a file or in what is piped in; fails when one is there that still exists."""
    found = leaks.check("", text.read())
    for leak in found:
        whose = f"{leak.view.key.id} {leak.view.key.name!r}" if leak.view else "nobody's any more"
        state = f", {leak.view.status}" if leak.view else ""
        half = ", replaced since" if leak.is_previous else ""
        click.echo(f"line {leak.line}: {leak.shown} is {whose}{state}{half}")
    if any(leak.view for leak in found):
        raise SystemExit(1)


@click.group("books")
def books() -> None:
    """What was spent, and whether ledger, counters and logs agree about it."""


@books.command("check")
@click.option("--org", default="", help="The id of one organisation; else all.")
def check_books(org: str) -> None:
    """Show every budget as entries, sums, counters and log have it; exit 1 when they differ."""
    found = balance.check(org)
    for each in found:
        budget = each.budget
        state = "even" if each.is_even else "DIFFERS"
        click.echo(
            f"{state:8} {budget.id} {budget.scope} {budget.scope_id} {budget.period} {budget.unit}:"
            f" entries {each.entries:f}, sums {each.sums:f}, counters {each.counters:f}"
            f" (and {each.open:f} open), log apart by ${each.log_difference:f}"
        )
    if not all(each.is_even for each in found):
        raise SystemExit(1)
    click.echo(f"{len(found)} budgets, all even.")


@books.command("compare")
@click.argument("bill", type=click.File("rb"))
@click.option("--org", required=True, help="The id of the organisation.")
@click.option("--provider", default="", help="Whose bill it is, where its columns do not tell.")
def compare_books(bill: BinaryIO, org: str, provider: str) -> None:
    """Lay a provider's usage or cost CSV beside the ledger; exit 1 when they differ."""
    try:
        found = reconciliation.compare(org, provider_csv.read(bill), provider=provider)
    except AppError as error:
        raise _shown(error) from None
    for problem in found.bill.problems:
        click.echo(f"line {problem.line} was not read: {problem.text}", err=True)
    click.echo(comparison_csv.text(found), nl=False)
    if any(line.state == "differs" for line in found.models):
        raise SystemExit(1)


@books.command("rebuild")
def rebuild_books() -> None:
    """Sum the ledger anew for the present window of every budget."""
    with unit_of_work():
        count = balance.rebuild()
    click.echo(f"{count} budgets summed anew.")


@click.group("secrets")
def secrets() -> None:
    """What is stored encrypted: keys of providers, client secrets, secrets of webhooks."""


@secrets.command("rotate")
def rotate_secrets() -> None:
    """Seal it all with the newest of SECRET_KEYS; exit 1 when no key opens something.

    It may be stopped and begun again, while the server runs. Then the older keys can go.
    """
    count, unreadable = 0, 0
    for batch in sealed.reseal():
        count, unreadable = count + batch.secrets, unreadable + len(batch.unreadable)
        click.echo(f"{batch.table}: {batch.secrets} sealed anew")
        for id_ in batch.unreadable:
            click.echo(f"{batch.table} {id_}: no key of SECRET_KEYS opens it; enter it again")
    click.echo(f"{count} secrets sealed with the newest key, {unreadable} rows unreadable.")
    left = sealed.census().older
    if left:
        click.echo(f"{left} were written meanwhile under an older key: run it again.")
    if unreadable or left:
        raise SystemExit(1)


@click.group("sso")
def sso() -> None:
    """Single sign-on, when nobody can come in by it."""


@sso.command("allow-passwords")
@click.option("--org", required=True, help="The organisation's id.")
def allow_passwords(org: str) -> None:
    """Let its people sign in with passwords again, though single sign-on was required."""
    try:
        with unit_of_work():
            name = organizations.get(org).name
            providers.require(org, is_required=False)
    except AppError as error:
        raise _shown(error) from None
    click.echo(f"People of {name} may sign in with their passwords.")


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
