"""`rotator history`: what was done, and the proof that nobody rewrote it; `rotator db`: where it is kept."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, Final

import click

from rotator.cli.exit_codes import ExitCode
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.output.console import NOTHING, console, print_json, say, short, state, table
from rotator.cli.parameters import Text
from rotator.core import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.history.journal.evidence import KeptHead
    from rotator.history.records import ChainVerification, Event, Rotation
    from rotator.services.inventory.credential_history import CredentialHistory

_LIMIT: Final = "rotator.history.limit"
_USUAL_LIMIT: Final = 20
_MOST: Final = 1_000_000
_UNTOLD: Final = (None, "", False)
"""Details of an event that tell a person nothing."""
_STORED_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
"""As the history writes times (`rotator.history.engine.times`)."""
_TYPED: Final = "reason"
"""The detail that is as people have typed it, whatever it looks like."""
_FINGERPRINT: Final = re.compile("[0-9a-f]{64}")
_SHOWN: Final = (
    "id",
    "credential",
    "org",
    "strategy",
    "goal",
    "trigger",
    "actor",
    "uid",
    "login_uid",
    "login_name",
    "claimed_name",
    "reason",
    "started_at",
    "finished_at",
    "outcome",
    "why",
    "old_fingerprint",
    "new_fingerprint",
    "gap_seconds",
)


class _HistoryGroup(click.Group):
    """A group whose first word is a subcommand when there is one of that name, and a credential otherwise."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; any other word is an argument of `show`."""
        if args[0] not in self.commands:
            return "show", show, args
        return super().resolve_command(ctx, args)


def _keep_limit(context: click.Context, _: click.Parameter, value: int | None) -> None:
    if value is not None:
        context.meta[_LIMIT] = value


def _limit_option(command: Callable[..., Any]) -> Callable[..., Any]:
    option = click.option(
        "--limit",
        type=click.IntRange(1, _MOST),
        metavar="N",
        expose_value=False,
        callback=_keep_limit,
        help=f"Show the newest N rotations; {_USUAL_LIMIT} unless given.",
    )
    return option(command)


@click.group(cls=_HistoryGroup, invoke_without_command=True, subcommand_metavar="[NAME | verify | rebuild]")
@_limit_option
@common_options
@json_option
@click.pass_context
def history(context: click.Context) -> None:
    """What was done: the rotations, newest first; with NAME those of one credential, and each step since the newest.

    `history verify` proves that no event was changed, taken out or put in; `history rebuild` mends rows that were.

    \b
    With --json
      {"rotations": [{"id", "credential", "org", "strategy", "goal", "trigger", "actor", "uid", "login_uid",
                      "login_name", "claimed_name", "reason", "started_at", "finished_at", "outcome", "why",
                      "old_fingerprint", "new_fingerprint", "gap_seconds",
                      "ending": "outcome", or "running", "halted" or "unfinished"}],
       "events": [{"sequence", "time", "kind", "credential", "rotation_id", "details", "previous_hash", "hash"}]};
    "events" holds those of the credential, with the pauses and freezes that it has part in; without NAME those of all.
    """
    if context.invoked_subcommand is None:
        context.invoke(show, name=None)


@click.command(hidden=True)
@click.argument("name", required=False, type=Text())
@_limit_option
@common_options
@json_option
@click.pass_context
@pass_invocation
def show(invocation: Invocation, context: click.Context, name: str | None) -> None:
    """The rotations of one credential, or of all."""
    from rotator.history.journal import queries  # noqa: PLC0415 - not for a usage mistake
    from rotator.services.inventory.credential_history import NOTHING_KNOWN  # noqa: PLC0415
    from rotator.services.inventory.schedules import standstill_events  # noqa: PLC0415

    with invocation.application("read") as app:
        known = app.histories()
        rotations = queries.rotations(app.database, name, limit=context.meta.get(_LIMIT, _USUAL_LIMIT))
        events = queries.events(app.database, credential=name) if name else []
        if name and not events:
            # A credential that is no longer configured keeps its history; one that never was is a slip of the pen.
            app.credential(name)
        of_several = standstill_events(app.settings, app.database, name)
    if invocation.json:
        both = sorted((*events, *of_several), key=lambda event: event.sequence)
        told = [_as_json(each, known.get(each.credential, NOTHING_KNOWN)) for each in rotations]
        print_json({"rotations": told, "events": [*map(_event_as_json, both)]})
        return
    _print_rotations(rotations, lambda each: known.get(each.credential, NOTHING_KNOWN))
    # A version may have been exported before any rotation.
    shown = [*(_since(rotations[0], events) if rotations else events), *of_several]
    if shown:
        _print_events(sorted(shown, key=lambda event: event.sequence))


@history.command()
@click.option("--since", "since", multiple=True, metavar="HEAD", help="A head noted elsewhere, or the hash of one.")
@click.option(
    "--against",
    multiple=True,
    type=click.File(errors="replace", lazy=False),
    metavar="FILE",
    help="A log, mail or file with heads in it; - for standard input.",
)
@common_options
@json_option
@pass_invocation
def verify(invocation: Invocation, since: tuple[str, ...], against: tuple[IO[str], ...]) -> None:
    """Prove that the history is what was written. Exit code 1 when it is not.

    The hash and signature of every event are checked, and the rotations, credentials and acknowledgements that follow
    from events; every row of every table is read. An end that was cut off, a chain that was written anew and an event
    that was back-dated are found by heads that were kept where the database's owner cannot write: in the log of the
    service, messages of a channel with `heads: true`, the file `history.heads_file`.

    \b
    With --json {"events", "intact", "first_bad", "why", "hint", "signed_from", "key", "taken_over",
    "unreadable": [{"table", "key", "column"}], "head", "signed_head"}.
    """
    from rotator.history.engine.damage import RESTORE_ROW  # noqa: PLC0415 - not for a usage mistake
    from rotator.history.journal import verification  # noqa: PLC0415
    from rotator.history.row_check import unreadable_rows  # noqa: PLC0415

    kept = _kept_heads(since, against)
    with invocation.application("read") as app:
        found = verification.verify(app.database, kept)
        signed_head = verification.signed_head(app.database, found, app.now())
        unreadable = unreadable_rows(app.database)
        has_keys = bool(found.key or app.settings.history.trusted_keys)
    if invocation.json:
        told = {"unreadable": [each._asdict() for each in unreadable], "signed_head": str(signed_head or "") or None}
        print_json(vars(found) | told)
    elif found.intact:
        compared = f", and {words.count(len(kept), 'head')} found in it" if kept else ""
        console().print(state("ok"), f"{found.events} events, none changed{compared}. Head:")
        console().print(str(signed_head or found.head), soft_wrap=True)
        _print_limits(found, has_keys=has_keys)
    else:
        console().print(state("failed"), found.finding)
        console().print(f"What to do: {found.hint}")
    if unreadable and not invocation.json:
        console().print(state("failed"), f"{words.count(len(unreadable), 'value')} cannot be read:")
        for each in unreadable:
            console().print(f"  {each}", soft_wrap=True)
        console().print(f"What to do: {RESTORE_ROW}")
    if unreadable or not found.intact:
        raise click.exceptions.Exit(ExitCode.PERSON_NEEDED)


@history.command()
@common_options
@json_option
@pass_invocation
def rebuild(invocation: Invocation) -> None:
    """Write the rows that follow from events anew, where they are not what the events say.

    Rotations, records of credentials, acknowledgements, pauses and freezes are made anew from the events; only while
    the chain of events itself is what was written. What was wrong is printed, and is an event of the history.

    \b
    With --json {"rebuilt": [sentence]}.
    """
    from rotator.history.journal.rebuilding import rebuild as rebuild_rows  # noqa: PLC0415 - not for a usage mistake
    from rotator.process import actor  # noqa: PLC0415

    with invocation.application("read") as app:
        found = rebuild_rows(app.database, actor(os.environ), app.now())
    invocation.has_acted = True
    if invocation.json:
        print_json({"rebuilt": found})
        return
    for sentence in found:
        say(sentence)
    mended = words.count(len(found), "row was", "rows were")
    say(f"{mended} written anew from the events." if found else "Every row is what its events say.")


def _kept_heads(since: tuple[str, ...], against: tuple[IO[str], ...]) -> list[KeptHead]:
    """The heads that were kept elsewhere. Raises UsageError where there is none in what was given."""
    from rotator.history.journal.evidence import KeptHead  # noqa: PLC0415
    from rotator.history.signing.heads import heads_in, heads_in_file  # noqa: PLC0415

    kept = []
    for text in since:
        heads = list(heads_in(text))
        if not heads and not _FINGERPRINT.fullmatch(text.strip()):
            raise click.UsageError("--since: neither a head as `rotator history verify` prints it nor the hash of one.")
        kept += [KeptHead.of(head, "--since names") for head in heads]
        kept += [] if heads else [KeptHead(hash=text.strip(), source="--since names")]
    for file in against:
        heads = list(heads_in_file(file))
        if not heads:
            raise click.UsageError(f"--against: there is no head in {file.name}, such as rotator-head.120.8b5f...")
        kept += [KeptHead.of(head, f"{file.name} has") for head in heads]
    return kept


def _print_limits(found: ChainVerification, *, has_keys: bool) -> None:
    """What a history without a fault does not prove; `has_keys`: there are keys to hold its signatures against."""
    if found.signed_from is None and found.events:
        console().print("No event is signed yet: earlier releases did not. The next one that is written will be.")
    elif found.signed_from is not None and not has_keys:
        console().print(
            f"Signed from event {found.signed_from} on, and no key that counts is here: only the chain of hashes was"
            " checked. `rotator check` says where the key belongs."
        )
    elif found.signed_from is not None:
        key = found.key or "none yet"
        console().print(f"Signed from event {found.signed_from} on. The public key of this installation: {key}")
    if found.taken_over:
        told = words.count(found.taken_over, "row was", "rows were")
        console().print(f"{told} taken over by an upgrade as they stood then, and proven from there on.")


def _as_json(rotation: Rotation, known: CredentialHistory) -> dict[str, Any]:
    return {key: getattr(rotation, key) for key in _SHOWN} | {"ending": known.ending_of(rotation)}


def _event_as_json(event: Event) -> dict[str, Any]:
    """An event whose times, those in its details too, are as all others are in JSON."""
    return vars(event) | {"details": _with_plain_times(event.details)}


def _with_plain_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: each if name == _TYPED else _with_plain_times(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_with_plain_times(each) for each in value]
    if isinstance(value, str) and _STORED_TIME.fullmatch(value):
        # It only looks like one where it has no such month.
        with suppress(ValueError):
            return words.timestamp(datetime.fromisoformat(value))
    return value


def _since(rotation: Rotation, events: list[Event]) -> list[Event]:
    """From the beginning of a rotation on: also what `rotate finish` did for it later."""
    first = min((event.sequence for event in events if event.rotation_id == rotation.id), default=0)
    return [event for event in events if event.sequence >= first]


def _print_rotations(rotations: list[Rotation], known: Callable[[Rotation], CredentialHistory]) -> None:
    if not rotations:
        console().print("No rotation yet.")
        return
    rows = table(
        "Rotation", "Credential", "Goal", "Outcome", "Begun (UTC)", "New", "Gap", "By", "Why",
        prose=["Why"], spare=("By", "New", "Rotation", "Gap"),
    )  # fmt: skip
    for rotation in rotations:
        rows.add_row(
            rotation.id,
            rotation.credential,
            rotation.goal,
            state(known(rotation).ending_of(rotation)),
            words.moment(rotation.started_at),
            short(rotation.new_fingerprint),
            _gap(rotation, known(rotation)),
            str(rotation.by),
            _why(rotation),
        )
    console().print(rows)


def _gap(rotation: Rotation, known: CredentialHistory) -> str:
    if known.gap_open_since(rotation):
        return "open"
    return NOTHING if rotation.gap_seconds is None else f"{rotation.gap_seconds:.1f} s"


def _why(rotation: Rotation) -> str:
    """Why it was asked for; of one that did not end well, why it did not."""
    if rotation.outcome in {"rotated", "restored"}:
        return rotation.reason
    return rotation.why or rotation.reason


def _print_events(events: list[Event]) -> None:
    out, rows = console(), table("Time (UTC)", "Event", "Details", prose=["Details"])
    for event in events:
        details = "; ".join(
            f"{key}: {_in_words(value)}" for key, value in event.details.items() if value not in _UNTOLD
        )
        rows.add_row(words.instant(event.time), event.kind, details)
    out.print()
    out.print(rows)


def _in_words(value: object) -> str:
    if isinstance(value, str):
        return short(value) if _FINGERPRINT.fullmatch(value) else value
    return json.dumps(value)


@click.group()
def db() -> None:
    """The history database."""


@db.command()
@click.option("--init", is_flag=True, help="Begin a new history, also where this installation has used another.")
@common_options
@pass_invocation
def upgrade(invocation: Invocation, *, init: bool) -> None:
    """Bring the history's tables to this release's version; the first use of any command that writes does it too.

    In Postgres that is done as well of the schema beside it, in which several machines share the work.

    Where there is no history yet it is made, unless this installation has used another before: then `database` may be
    mistaken, and --init says that it is not.
    """
    with invocation.application("begin" if init else "write") as app:
        database = app.database
        invocation.has_acted = True
        say(f"{database.name} is at version {database.version}.")
        if database.server:
            from rotator.queue.jobs_database import JobsDatabase  # noqa: PLC0415 - over SQLite it is not loaded

            jobs = JobsDatabase(database.name, lambda: database)
            try:
                jobs.open()
            finally:
                jobs.close()
            say("What several machines share beside it is up to date, too.")
