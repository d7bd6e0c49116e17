"""From whatever ends a command to a sentence for a person and an exit code for a program."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from rotator.cli.exit_codes import ExitCode, of_error
from rotator.cli.invocation import Invocation
from rotator.cli.output.broken_output import BrokenOutput, standard_streams_may_break
from rotator.core import words
from rotator.errors import LockHeld, RotatorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def run(command: click.Command, name: str, arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code. Whatever goes wrong is told on standard error."""
    invocation = Invocation()
    _survive_any_text()
    with standard_streams_may_break() as out:
        code = _run(command, name, arguments, invocation)
        out.flush()
        if out.was_lost:
            return _lost(out, code, invocation)
    return code


def _run(command: click.Command, name: str, arguments: Sequence[str] | None, invocation: Invocation) -> int:
    try:
        result = command.main(arguments, prog_name=name, standalone_mode=False, obj=invocation)
    except RotatorError as error:
        tell(error, as_json=invocation.json)
        return of_error(error)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return ExitCode.INTERRUPTED
    except Exception as error:  # a person is told of a fault in a sentence, and shown no traceback
        _tell_fault(error, verbose=invocation.verbose)
        return ExitCode.PERSON_NEEDED
    return result if isinstance(result, int) else 0


def _lost(out: BrokenOutput, code: int, invocation: Invocation) -> int:
    """The exit code of a command whose words could not be written: its work's own, if it did more than to show."""
    why = out.failure.strerror if out.failure else None
    click.echo(f"Error: Standard output could not be written: {why or 'it is closed'}.", err=True)
    if invocation.has_acted:
        click.echo("What was done is done, and is in `rotator history`.", err=True)
        return code
    return code or ExitCode.PERSON_NEEDED


def tell(error: RotatorError, *, as_json: bool, about: str = "") -> None:
    """Prints an error for a person, and as JSON on standard output for a program that asked for JSON.

    `about` is the credential that it happened to, where a command serves several.
    """
    _say("Error: ", "red", f"{about}: {error.message}" if about else error.message)
    if error.effect:
        _say("", "", error.effect)
    _say("What to do: ", "cyan", error.advice)
    if as_json:
        click.echo(_as_json(error))


def end_with(problems: Iterable[RotatorError]) -> None:
    """Tells each of the problems that a command met on its way once, and ends it with the first one's exit code."""
    met = list({str(problem): problem for problem in problems}.values())
    for problem in met:
        tell(problem, as_json=False)
    if met:
        raise click.exceptions.Exit(of_error(met[0]))


def _say(label: str, colour: str, text: str) -> None:
    """A paragraph on standard error; a terminal gets it wrapped between words, so that names can be copied."""
    colours = None if "NO_COLOR" not in os.environ else False
    lines = (label + text).splitlines()
    if sys.stderr.isatty():
        width = get_terminal_size().columns
        lines = [part for line in lines for part in _wrapped(line, width)]
    told = "\n".join(lines)
    if label:
        told = click.style(label.rstrip(), fg=colour, bold=colour == "red") + told.removeprefix(label.rstrip())
    click.echo(told, err=True, color=colours)


def _wrapped(line: str, width: int) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())] + "  "
    return wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _as_json(error: RotatorError) -> str:
    import json  # noqa: PLC0415 - not needed by commands that succeed

    from rotator.cli.output.former_names import with_former_names  # noqa: PLC0415

    document = {
        "kind": type(error).__name__,
        "message": error.message,
        "effect": error.effect,
        "hint": error.advice,
        "transient": error.transient,
        "exit_code": of_error(error),
        "org": error.org,
        "store": error.store,
    }
    if isinstance(error, LockHeld) and error.holder:
        document["holder"] = vars(error.holder) | {"since": words.timestamp(error.holder.since)}
    return json.dumps({"error": with_former_names(document)}, indent=2)


def _tell_fault(error: Exception, *, verbose: bool) -> None:
    from rotator.core.tracebacks import place_of, trace_of  # noqa: PLC0415 - a fault is rare

    if verbose:
        click.echo(trace_of(error), err=True)
    hint = "" if verbose else " Run the command again with --verbose for the details, and"
    click.echo(
        f"Error: rotator has a fault: {type(error).__name__} at {place_of(error)}."
        f" What was done before it is in `rotator history`.{hint or ' Please'} report it to the project.",
        err=True,
    )


def _survive_any_text() -> None:
    """A name that the terminal's encoding lacks is shown with question marks instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
