"""`rotator workers`: the machines that share the work, and their queue."""

from __future__ import annotations

import click

from rotator.cli.exit_codes import ExitCode
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import print_json, say
from rotator.core import words
from rotator.errors import HistoryError


@click.command()
@common_options
@json_option
@pass_invocation
def workers(invocation: Invocation) -> None:
    """Show which machines are there, who leads, what each works at, and where the queue stands.

    It asks the history alone, which has to be in Postgres: over SQLite one `rotator run` does everything.

    Exit codes: 0 jobs are done, or the history is in SQLite; 1 nobody leads, nobody carries out jobs, or jobs wait for
    nobody, also where there is no history yet; 3 the history is away.

    \b
    With --json: history (postgres, sqlite), at, leader (pid, host, since, and machine: its id among the machines),
    machines (id, host, pid, role, release, state, leads, gone, started_at, seen_at, clock_off, concurrency, jobs),
    queue (kind, waiting, running, oldest_asked_at, waiting_since, stalled, stalls, last_stall_at), troubles (trouble,
    what, hint). clock_off: by how many seconds its clock is ahead of the database's; negative where it is behind.
    """
    from rotator.cli.output.service.workers_table import file_as_json, fleet_as_json, print_fleet  # noqa: PLC0415
    from rotator.history.engine.database import file_of  # noqa: PLC0415
    from rotator.services.machines.fleet_reader import fleet_of, leader_of  # noqa: PLC0415
    from rotator.services.machines.fleet_remarks import remarks_on  # noqa: PLC0415

    with invocation.application("read") as app:
        fleet = fleet_of(app.database)
        if fleet is None and file_of(app.settings.database.url) is None:
            raise _no_history(app.database.configured_name)
        if fleet is None:
            leader = leader_of(app.database)
            if invocation.json:
                print_json(file_as_json(leader, app.now()))
                return
            say("The history is in SQLite: one `rotator run` does everything, and there is no queue.")
            say(f"That of {words.holder(leader)}, works now." if leader else "None works now.")
            return
        if invocation.json:
            print_json(fleet_as_json(fleet))
        else:
            print_fleet(fleet)
        if remarks_on(fleet):
            raise click.exceptions.Exit(ExitCode.PERSON_NEEDED)


def _no_history(name: str) -> HistoryError:
    return HistoryError(
        f"There is no history in {name} yet, so no machine has worked on it.",
        effect="None was made.",
        hint="The first `rotator run` makes it, and so does `rotator db upgrade`.",
    )
