"""`rotator status`: where each managed credential stands."""

from __future__ import annotations

import click

from rotator.cli.error_output import end_with
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import print_json


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@common_options
@json_option
@pass_invocation
def status(invocation: Invocation, names: tuple[str, ...]) -> None:
    """Managed credentials: what is stored and live, until when, when it is due, what was last done.

    \b
    With --json a list of
      {"credential", "org", "store", "strategy", "owner": who sees to it, or null,
       "state": "ok", "due", "deferred", "expired", "not yet valid", "refused", "running", "halted", "drift",
                "unfinished", "not stored" or "unknown" (`rotator docs operations` says what each means),
       "refused_since": time or null, "running": {"pid", "host", "since"} or null,
       "halted_since": time or null, "halted_why": sentence or null,
       "last_login": {"at", "version", "outcome", "answer", "by": "rotation" or "verify"} or null, with `current`,
       "last_accepted_at": when such a login was last accepted, or null,
       "urgency": "info", "warning", "critical" or null, "needs_attention": bool,
       "stages": {"pending", "current", "previous"}, "current_app",
       "apps": [{"app", "type", "shown": bool, "certificate", "client_secret"}], "drift": bool, "not_after",
       "days_left",
       "due_at", "begins_at": when `rotator run` begins it, or null,
       "goes_on_at": when it tries again what it could not end, or null, "mode": "automatic" or "manual",
       "standstills": [{"why": "pause", "freeze" or "first start", "since", "until": time or null, "reason", "by",
                        "scope": "all", "org NAME" or "credential NAME", or empty}], now and to come, "previous_until",
       "last_rotation": {"id", "started_at", "finished_at", "outcome", "why", "gap_seconds",
                         "ending": "outcome", or "running", "halted" or "unfinished"} or null,
       "problem": sentence or null}.
    """
    from rotator.cli.output.status_table import as_json, print_statuses  # noqa: PLC0415 - not for a usage mistake

    with invocation.application("read") as app:
        now = app.now()
        found = app.statuses(names, now)
    if invocation.json:
        print_json([as_json(line, now) for line in found])
    else:
        print_statuses(found, now)
    end_with(line.problem for line in found if line.problem)
