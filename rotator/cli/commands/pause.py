"""`rotator pause` and `rotator resume`: people hold rotations by schedule up, and let them go on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

from rotator.cli.invocation import Invocation, common_options, pass_invocation
from rotator.cli.output.console import say
from rotator.cli.parameters import meant, wrong_input
from rotator.cli.time_options import end_of
from rotator.core import words
from rotator.core.thresholds import has_come
from rotator.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from rotator.application import Application
    from rotator.core.schedule import Standstill
    from rotator.services.inventory.status import CredentialStatus

_HELP: Final = "See `rotator pause --help`."


def _scope_options(command: Callable[..., Any]) -> Callable[..., Any]:
    names = click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=_complete("credentials"))
    org = click.option("--org", metavar="ORG", help="Every credential of this org.", shell_complete=_complete("orgs"))
    every = click.option("--all", "every", is_flag=True, help="Every credential.")
    return names(org(every(command)))


def _complete(section: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Completes the names in a section of config.yaml, where that can be read."""

    def complete(context: click.Context, _parameter: click.Parameter, beginning: str) -> list[str]:
        from rotator.config.loading import load, locate  # noqa: PLC0415 - for completion alone

        try:
            given = context.ensure_object(Invocation).config or context.params.get("config")
            settings = load(locate(given, os.environ))
        except ConfigurationError:
            return []
        return [name for name in getattr(settings, section) if name.startswith(beginning)]

    return complete


@click.command()
@_scope_options
@click.option("--until", metavar="TIME", help="Until when: 2027-01-04T08:00+01:00, or '2027-01-04 Europe/Berlin'.")
@click.option("--for", "length", metavar="DURATION", help="For how long, such as 7d or 12h.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for the history and the others.")
@common_options
@pass_invocation
def pause(
    invocation: Invocation,
    names: tuple[str, ...],
    org: str | None,
    every: bool,
    until: str | None,
    length: str | None,
    reason: str,
) -> None:
    """Have `rotator run` begin no rotation of these credentials, for a while or until `rotator resume`.

    What is half done goes on, and people are told of expiries as before. What the pause would let expire is an alert,
    once and in time. `rotate now NAME` works all the same, and asks. Another pause of the same takes its place.
    """
    from rotator.history.standstills import Standstills  # noqa: PLC0415 - not for a usage mistake
    from rotator.process import actor  # noqa: PLC0415

    with invocation.application() as app:
        now = app.now()
        ends = None if until is None and length is None else end_of(until, length, now, hint=_HELP)
        scopes = _scopes(app, names, org, every=every)
        why = meant(reason, _HELP)
        for scope in scopes:
            new, before = Standstills(app.database).pause(
                scope, until=ends, reason=why, actor=actor(os.environ), now=now
            )
            invocation.has_acted = True
            say(f"{_named(scope)} is {new}.")
            if before:
                say(f"Before that it was {before}.")
            for line in _lines(app, scope, now):
                for sentence in _what_it_means(line, now):
                    say(f"{line.credential}: {sentence}")


@click.command()
@_scope_options
@click.option("--reason", default="", metavar="TEXT", help="Why, for the history.")
@common_options
@pass_invocation
def resume(invocation: Invocation, names: tuple[str, ...], org: str | None, every: bool, reason: str) -> None:
    """End a pause: what is due begins again, in its windows.

    It ends the pause that was made so: one of --all is ended by --all, one of an org by --org.
    """
    from rotator.cli.output.schedule_lines import held_up_in_words, how_it_begins  # noqa: PLC0415
    from rotator.core.schedule import Why  # noqa: PLC0415
    from rotator.history.standstills import Standstills  # noqa: PLC0415
    from rotator.process import actor  # noqa: PLC0415
    from rotator.services.inventory.schedules import held_up  # noqa: PLC0415

    with invocation.application() as app:
        now, standstills = app.now(), Standstills(app.database)
        scopes = _scopes(app, names, org, every=every)
        pauses = [each for each in standstills.all() if each.why is Why.PAUSE and each.covers(now)]
        for scope in scopes:
            if scope not in {each.scope for each in pauses}:
                raise _not_paused(app, scope, pauses)
        for scope in scopes:
            ended = standstills.resume(scope, reason=reason.strip(), actor=actor(os.environ), now=now)
            invocation.has_acted = True
            say(f"{_named(scope)} goes on: it was {ended}.")
            lines = _lines(app, scope, now)
            for sentence in held_up_in_words(held_up(lines, now), len(lines)):
                say(sentence)
            for line in lines:
                begins, due = line.life.begins, line.life.due_at
                if begins and has_come(due, now) and not begins.held_by:
                    say(f"{line.credential}: {how_it_begins(begins, line.credential, now)}")


def _scopes(app: Application, names: Sequence[str], org: str | None, *, every: bool) -> list[str]:
    """What the command line names. Raises ConfigurationError for nothing, too much, or an unknown name."""
    from rotator.services.inventory.schedules import ALL, of_credential, of_org  # noqa: PLC0415

    given = (bool(names), org is not None, every)
    if sum(given) != 1:
        message = "More than one of NAME, --org and --all was given." if any(given) else "Nothing was named."
        names = words.choice(app.settings.credentials)
        raise wrong_input(message, f"Give {words.listed([*names, '--org ORG'], 'or')}, or --all.")
    if org is not None:
        app.org(org)
        return [of_org(org)]
    for name in names:
        app.credential(name)
    return [of_credential(name) for name in dict.fromkeys(names)] or [ALL]


def _lines(app: Application, scope: str, now: datetime) -> list[CredentialStatus]:
    """The credentials of a scope, as the history knows them."""
    from rotator.services.inventory.schedules import scopes_of  # noqa: PLC0415
    from rotator.services.inventory.status import last_known_statuses  # noqa: PLC0415

    names = [name for name in app.settings.credentials if scope in scopes_of(app.settings, name)]
    return last_known_statuses(app.settings, app.database, names, now)


def _what_it_means(line: CredentialStatus, now: datetime) -> Iterator[str]:
    """What goes on all the same, and what would expire."""
    from rotator.cli.output.schedule_lines import what_would_expire  # noqa: PLC0415

    life = line.life
    if life.rotation:
        yield "a rotation of it has begun and not ended. It goes on, as halfway is worse."
    if life.danger and life.not_after:
        yield what_would_expire(life.danger, line.credential, life.not_after, now)


def _named(scope: str) -> str:
    return {"all": "Every credential"}.get(scope) or scope.removeprefix("credential ").replace("org ", "The org ", 1)


def _not_paused(app: Application, scope: str, pauses: Sequence[Standstill]) -> ConfigurationError:
    from rotator.services.inventory.schedules import scopes_of  # noqa: PLC0415

    name = scope.removeprefix("credential ")
    around = scopes_of(app.settings, name) if name in app.settings.credentials else ()
    others = [each for each in pauses if each.scope in around]
    hint = " ".join(f"It is {each}: `{each.resumed_by}` ends that." for each in others)
    what = "There is no pause of every credential." if scope == "all" else f"{_named(scope)} is not paused by itself."
    return wrong_input(what, hint or "`rotator status` says what is paused.")
