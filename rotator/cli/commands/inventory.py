"""`rotator inventory`: every certificate in every org."""

from __future__ import annotations

import click

from rotator.cli.error_output import end_with
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import print_json


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
