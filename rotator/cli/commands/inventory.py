"""`rotator inventory` and `rotator status`: what there is, and where each credential stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rotator.cli.error_output import end_with
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import print_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rotator.services.inventory.status import CredentialStatus


@click.command()
@common_options
@json_option
@pass_invocation
def inventory(invocation: Invocation) -> None:
    """Every certificate in every org, managed by rotator or not.

    Of connected apps and external client apps, of SAML single sign-on, and of Certificate and Key Management, of which
    Salesforce tells no more than a date. What was seen is recorded in the history, so that what has vanished can be
    told. What cannot be read is told and left out; the exit code says so.

    \b
    With --json a list of
      {"org", "app": name, "client_id",
       "type": "ConnectedApp", "ExternalClientApplication", "ConnectedAppSamlConfig", "SamlSsoConfig",
               "Certificate" or "ClientSecret", which is of a credential,
       "certificate": {"fingerprint", "subject", "issuer", "serial_number", "not_before", "not_after",
                       "key_algorithm", "key_bits", "signature_algorithm"} or null,
       "client_secret": {"fingerprint", "client_id", "stored_at", "not_after"} or null,
       "not_after", "key_bits": as far as known, also where "certificate" is null; year 9999 is never,
       "shown": false where the org shows the app and not its certificate; of a managed one "certificate" has what is
                known of the stored version that stands for it then,
       "used_by": [what refers to it in the org],
       "credential": that manages it, or null, "stage": "current", "pending", "previous" or null, "drift": bool,
       "state": "ok", "due", "deferred", "expired", "not yet valid", "resting", "drift", "unproven", "none",
                "not shown", "unusable", "unreadable" or "vanished" (`rotator docs operations` says what each means),
       "urgency": "info", "warning", "critical" or null, "due_at": when its rotation is due, or null,
       "last_modified_by", "last_modified_at", "last_seen": of what is unreadable or vanished, else null};
    "app" is null on the line of an org that could not be read.
    """
    from rotator.cli.output.inventory_table import as_json, print_scans  # noqa: PLC0415 - not for a usage mistake

    with invocation.application() as app:
        now = app.now()
        found = app.scan(now)
        if invocation.json:
            print_json([as_json(life) for each in found for life in each.certificates])
        else:
            print_scans(found, now)
    end_with(problem.error for each in found for problem in each.problems)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--usage", "with_usage", is_flag=True, help="Also who logs in since the promotion, and what consumers have said."
)
@common_options
@json_option
@pass_invocation
def status(invocation: Invocation, names: tuple[str, ...], with_usage: bool) -> None:
    """Managed credentials: what is stored and live, until when, when it is due, what was last done.

    \b
    With --json a list of
      {"credential", "org", "store", "strategy", "owner": who sees to it, or null,
       "state": "ok", "due", "deferred", "expired", "not yet valid", "revoked", "refused", "running", "halted",
                "drift", "unfinished", "not stored" or "unknown" (`rotator docs operations` says what each means),
       "refused_since": time or null, "running": {"pid", "host", "since"} or null,
       "halted_since": time or null, "halted_why": sentence or null,
       "revocation": {"since", "by", "reason", "steps": ["certificate", "access", "tokens"],
                      "left": those that were interrupted} or null,
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
       "not_known": ["paused", "running", "halted", "refused", "revoked"] where the history cannot be read, else [],
       "last_rotation": {"id", "started_at", "finished_at", "outcome", "why", "gap_seconds",
                         "ending": "outcome", or "running", "halted" or "unfinished"} or null,
       "problem": sentence or null}, and with --usage
       "usage": {"watched": whether a previous version is in grace and its org's login history can tell who uses it,
                 "why_not": sentence or null, "hint", "looked_at", "cut": bool,
                 "sources": [{"address", "client", "standing": "moved", "refused", "old" or "silent",
                              "last_before_at", "last_accepted_at", "last_with_previous_at", "last_refused_at",
                              "accepted", "refused"}],
                 "consumers": [{"name", "configured": bool, "moved": bool, "version", "logged_in_at", "via"}]}.
    """
    from rotator.cli.output.status_table import as_json, print_statuses  # noqa: PLC0415 - not for a usage mistake

    with invocation.application("read") as app:
        now = app.now()
        found = app.statuses(names, now)
    if invocation.json:
        usages = _usages_as_json(found, now) if with_usage else [{} for _ in found]
        print_json([as_json(line, now) | usage for line, usage in zip(found, usages, strict=True)])
    else:
        print_statuses(found, now)
        if with_usage:
            _print_usages(found, now)
    end_with(each for line in found for each in (line.history_problem, line.problem) if each)


def _usages_as_json(found: Sequence[CredentialStatus], now: datetime) -> list[dict[str, Any]]:
    # Only for whoever asks for it.
    from rotator.cli.output.usage.usage_table import as_json  # noqa: PLC0415
    from rotator.services.usage.shown import usage_of  # noqa: PLC0415

    return [{"usage": as_json(usage_of(line, now))} for line in found]


def _print_usages(found: Sequence[CredentialStatus], now: datetime) -> None:
    from rotator.cli.output.usage.usage_table import print_usage  # noqa: PLC0415 - as above
    from rotator.services.usage.shown import usage_of  # noqa: PLC0415

    for line in found:
        print_usage(usage_of(line, now), now)
