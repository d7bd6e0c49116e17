"""`rotator audit`: whether the set-up is sound."""

from __future__ import annotations

import click

from rotator.cli.error_output import end_with
from rotator.cli.exit_codes import ExitCode
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import print_json

RISKS = ("high", "medium", "low")
"""The values of `rotator.core.posture.checks.Risk`, which is not imported for a mistake in a command line."""


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@common_options
@json_option
@click.option("--sarif", is_flag=True, help="Print SARIF 2.1.0, for pipelines and code scanning.")
@click.option("--all", "every", is_flag=True, help="Show what is as it should be, too.")
@click.option(
    "--fail-on", type=click.Choice(RISKS), help="Exit with 1 when there are findings of this severity or a higher one."
)
@pass_invocation
def audit(invocation: Invocation, names: tuple[str, ...], *, sarif: bool, every: bool, fail_on: str | None) -> None:
    """Whether the set-up of credentials, users and apps is sound: what is checked, what was seen, how to mend it.

    Without a NAME all credentials are audited, and the orgs as well: how rotator itself logs in, and apps with a
    certificate that no credential has. Nothing is changed. What could not be seen is neither passed nor failed, and it
    is said what it needs. `audit: exceptions` in config.yaml says what is to be as it is, until when. Of a credential
    that was revoked it is asked only what lets others in all the same.

    Exit codes: 0 the audit was made, whatever it found; 1 there are findings of --fail-on, or something could not be
    read that a person has to mend; 2 wrong command line or configuration; 3 an org or a store is away. Without
    --fail-on findings do not change the code.

    \b
    With --json
      {"at", "results": [{"check", "severity": "high", "medium" or "low",
                          "verdict": "finding", "not visible", "excepted" or "ok", "org", "credential" or null,
                          "seen", "needs": what it takes to see it, "asks": what is so where all is well,
                          "why", "source", "remedy", "exception": {"reason", "until"} or null}],
       "revoked": [name]: of which little is asked,
       "ended_exceptions": [{"check", "credential", "org", "reason", "until"}],
       "findings": {"high", "medium", "low"}, "not_visible", "excepted", "ok": how many}.
    """
    from rotator.cli.output.audit_table import as_json, print_audit  # noqa: PLC0415 - not for a usage mistake
    from rotator.core.posture.assessment import findings  # noqa: PLC0415
    from rotator.core.posture.checks import Risk  # noqa: PLC0415
    from rotator.services.posture.auditing import audit as audited  # noqa: PLC0415

    if sarif and invocation.json:
        raise click.UsageError("--sarif and --json were given; give one of them.")
    with invocation.application("read") as app:
        for name in names:
            app.credential(name)
        found = audited(app, names)
        config = app.config
    if sarif:
        from rotator.cli.output.sarif import as_sarif  # noqa: PLC0415

        print_json(as_sarif(found, config))
    elif invocation.json:
        print_json(as_json(found))
    else:
        print_audit(found, every=every)
    fails = fail_on and findings(found.results, Risk(fail_on))
    end_with(found.problems, ExitCode.PERSON_NEEDED if fails else ExitCode.DONE)
