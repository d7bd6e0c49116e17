"""From whatever ends a command to a sentence for a person and an exit code for a program."""

from __future__ import annotations

import sys
from io import StringIO, TextIOWrapper
from typing import TYPE_CHECKING

import click

from rotator.cli.exit_codes import ExitCode, of_error, of_several
from rotator.cli.invocation import Invocation
from rotator.cli.output.broken_output import BrokenOutput, standard_streams_may_break
from rotator.cli.output.console import print_json, say
from rotator.core import words
from rotator.errors import LockHeld, RotatorError
from rotator.plain_text import lines, one_line

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
        _show(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted.", err=True)
        return ExitCode.INTERRUPTED
    except Exception as error:  # a person is told of a fault in a sentence, and shown no traceback
        _tell_fault(error, verbose=invocation.verbose)
        return ExitCode.PERSON_NEEDED
    return result if isinstance(result, int) else 0


def _show(error: click.ClickException) -> None:
    """A mistake in the command line, as click tells it; what was typed there may have come from anywhere."""
    told = StringIO()
    error.show(told)
    usage, label, message = told.getvalue().partition("Error: ")
    click.echo(f"{lines(usage)}{label}{one_line(message)}", err=True)


def _lost(out: BrokenOutput, code: int, invocation: Invocation) -> int:
    """The exit code of a command whose words could not be written: its work's own, if it did more than to show."""
    why = out.failure.strerror if out.failure else None
    say(f"Standard output could not be written: {why or 'it is closed'}.", err=True, label="Error:", colour="red")
    if invocation.has_acted:
        say("What was done is done; of rotations `rotator history` tells.", err=True)
        return code
    return code or ExitCode.PERSON_NEEDED


def tell(error: RotatorError, *, as_json: bool, about: str = "") -> None:
    """Prints an error for a person, and as JSON on standard output for a program that asked for JSON.

    `about` is the credential that it happened to, where a command serves several.
    """
    say(f"{about}: {error.message}" if about else error.message, err=True, label="Error:", colour="red")
    if error.effect:
        say(error.effect, err=True)
    say(error.advice, err=True, label="What to do:", colour="cyan")
    if as_json:
        _print_json(error)


def end_with(problems: Iterable[RotatorError], code: ExitCode = ExitCode.DONE) -> None:
    """Tells each of the problems that a command met on its way once, and ends it with `code`, else the first one's."""
    met = {str(problem): problem for problem in problems}.values()
    for problem in met:
        tell(problem, as_json=False)
    if ended := of_several([code, *map(of_error, met)]):
        raise click.exceptions.Exit(ended)


def _print_json(error: RotatorError) -> None:
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
    print_json({"error": with_former_names(document)})


def _tell_fault(error: Exception, *, verbose: bool) -> None:
    from rotator.tracebacks import place_of, trace_of  # noqa: PLC0415 - a fault is rare

    if verbose:
        say(f"  {trace_of(error)}", err=True)
    hint = "" if verbose else " Run the command again with --verbose for the details, and"
    say(
        f"rotator has a fault: {type(error).__name__} at {place_of(error)}."
        f" What was done before it is in `rotator history`.{hint or ' Please'} report it to the project.",
        err=True,
        label="Error:",
        colour="red",
    )


def _survive_any_text() -> None:
    """A name that the terminal's encoding lacks is shown with question marks instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
