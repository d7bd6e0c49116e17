"""`rotator hooks`: what is called after rotations, and trying it."""

from __future__ import annotations

from contextlib import suppress
from random import random
from typing import TYPE_CHECKING, Final

import click

from rotator.cli.exit_codes import ExitCode, of_error, of_tries
from rotator.cli.invocation import Invocation, common_options, json_option, pass_invocation
from rotator.cli.lazy import LazyGroup
from rotator.cli.output.console import NOTHING, console, print_json, state, table
from rotator.core.hook import Calls, HookCall, HookEvent
from rotator.errors import ConfigurationError, RotatorError

if TYPE_CHECKING:
    from rotator.application import Application
    from rotator.config.rotation.hooks import Hook as Settings

_NONE: Final = "No hook is configured."
_ADD_ONE: Final = "Add one under `hooks: after_rotation:` in config.yaml."


@click.group(cls=LazyGroup)
def hooks() -> None:
    """What is called after a rotation: a program, a webhook, or a unit of systemd."""


@hooks.command("list")
@common_options
@json_option
@pass_invocation
def list_(invocation: Invocation) -> None:
    """The hooks, the calls that are yet to be made, and what became of the newest.

    \b
    With --json a list of
      {"hook", "type", "on": [event], "credentials": [name] or null,
       "pending": [{"credential", "after", "failures", "next_at", "problem"}],
       "last": {"at", "credential", "event", "result": "done", "failed" or "given up", "seconds", "output", "problem"},
       or null}.
    """
    from rotator.services.hooks.hook_states import hook_states  # noqa: PLC0415 - `--help` needs no database

    with invocation.application("read") as app:
        found, now = hook_states(app.settings, app.database), app.now()
    if invocation.json:
        print_json([each.as_json() for each in found])
        return
    if not found:
        console().print(f"{_NONE} {_ADD_ONE}")
        return
    rows = table("Hook", "Type", "After", "Of", "Pending", "Last", prose=["Last"])
    for each in found:
        rows.add_row(
            each.hook,
            each.type,
            ", ".join(each.on),
            ", ".join(each.credentials) if each.credentials else "all",
            str(len(each.pending)) if each.pending else NOTHING,
            each.last.sentence(now) if each.last else NOTHING,
        )
    console().print(rows)
    for each in found:
        for waiting in (waiting for waiting in each.pending if waiting.problem):
            console().print(f"{each.hook} for {waiting.credential}: {waiting.problem} {waiting.next_try(now)}")
        if each.last and each.last.output:
            console().print(f"{each.hook} said: {each.last.output}")


@hooks.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--credential", metavar="NAME", help="After what happened to this one; else the first that it is for.")
@click.option(
    "--event", type=click.Choice([str(each) for each in HookEvent]), help="After what; else the first that it wants."
)
@common_options
@json_option
@pass_invocation
def test(invocation: Invocation, names: tuple[str, ...], credential: str | None, event: str | None) -> None:
    """Call these hooks, or all, as if something had happened.

    The call says that it is a test: ROTATOR_TEST=1, or "test": true. A unit is reloaded or restarted. It is not noted
    in the history, and a call that is yet to be made stays so; the alert of one that was given up ends where the hook
    does its work.

    Exit code 3 when one failed and may succeed later, 1 when a person is needed.

    \b
    With --json a list of {"hook", "credential", "event", "accepted", "output", "problem", "hint"}.
    """
    answers, codes = [], []
    with invocation.application() as app:
        for name, settings in _chosen(app, names):
            call = _test_call(app, name, settings, credential, event)
            answer, code = _try(app, name, call)
            codes.append(code)
            answers.append({"hook": name, "credential": call.credential, "event": str(call.event), **answer})
            invocation.has_acted = True
            if not invocation.json:
                _print(answers[-1])
    if invocation.json:
        print_json(answers)
    if failed := of_tries(codes):
        raise click.exceptions.Exit(failed)


def _chosen(app: Application, names: tuple[str, ...]) -> list[tuple[str, Settings]]:
    configured = app.settings.hooks.after_rotation
    unknown = [name for name in names if name not in configured]
    if not configured:
        raise ConfigurationError(_NONE, effect="Nothing was called.", hint=_ADD_ONE)
    if unknown:
        raise ConfigurationError(
            f"There is no hook called {unknown[0]!r}.",
            effect="Nothing was called.",
            hint=f"Configured are: {', '.join(configured)}.",
        )
    return [(name, configured[name]) for name in dict.fromkeys(names or configured)]


def _test_call(app: Application, name: str, hook: Settings, credential: str | None, event: str | None) -> HookCall:
    if credential is not None:
        app.credential(credential)
    mine = hook.credentials or tuple(app.settings.credentials)
    if not mine and credential is None:
        raise ConfigurationError(
            "No credential is configured.", effect="Nothing was called.", hint="Add one under `credentials`."
        )
    chosen, now = credential or mine[0], app.now()
    return HookCall(
        id=f"{name}-test-{now:%Y%m%d%H%M%S%f}",
        event=HookEvent(event) if event else hook.on[0],
        credential=chosen,
        org=app.credential(chosen).org,
        at=now,
        why="Somebody tries this hook.",
        is_test=True,
    )


def _try(app: Application, name: str, call: HookCall) -> tuple[dict[str, object], ExitCode]:
    from rotator.hooks.base import HookFailed  # noqa: PLC0415 - `--help` needs none
    from rotator.services.hooks.hook_service import HookService, as_failure, presentable  # noqa: PLC0415 - `--help` needs none

    answer: dict[str, object] = {"accepted": True, "output": "", "problem": "", "hint": ""}
    try:
        output = presentable(as_failure(name, lambda: app.hook(name).call(call)))
    except HookFailed as error:
        said = {"output": presentable(error.output), "problem": error.message, "hint": error.hint}
        return answer | {"accepted": False} | said, of_error(error)
    with suppress(RotatorError):  # The hook did its work, whether or not the history can be told.
        HookService.of(app.settings, app.database, now=app.now, random=random).tried(Calls(name, call.credential))
    return answer | {"output": output}, ExitCode.DONE


def _print(answer: dict[str, object]) -> None:
    console().print(state("accepted" if answer["accepted"] else "failed"), str(answer["hook"]))
    for name in ("problem", "hint", "output"):
        if answer[name]:
            console().print(f"  {answer[name]}")
