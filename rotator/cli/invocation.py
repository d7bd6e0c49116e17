"""Options that every command takes, before or after its name, and where they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.application import Application
    from rotator.history.engine.database import Database
    from rotator.history.opening import Use

_C = TypeVar("_C", bound="Callable[..., Any]")


@dataclass
class Invocation:
    """What one command line said for all commands alike."""

    config: Path | None = None
    verbose: bool = False
    json: bool = False
    has_acted: bool = False
    """Whether the command's work is more than what it prints."""

    def application(self, use_of_history: Use = "write") -> Application:
        """The configured program, to be used in a `with` statement. Raises ConfigurationError."""
        # Settings and adapters are imported by the first command that needs them.
        from rotator.application import Application  # noqa: PLC0415
        from rotator.daemon.logs import warn_in_one_line  # noqa: PLC0415

        warn_in_one_line()
        app = Application.configured(self.config)
        app.use_of_history, app.say = use_of_history, _to_stderr
        click.get_current_context().call_on_close(partial(_tell_unreadable, app))
        return app


def _to_stderr(sentence: str) -> None:
    from rotator.cli.output.console import say  # noqa: PLC0415 - not for a command that has nothing to tell

    say(sentence, err=True)


_MOST_NAMED: Final = 10


def _tell_unreadable(app: Application) -> None:
    """Names the rows of the history that were met, and could not be read whole."""
    # Where the command has opened none, none is opened for it.
    database: Database | None = vars(app).get("database")
    rows = database.unreadable.take() if database else []
    for row in rows[:_MOST_NAMED]:
        _to_stderr(f"Warning: the history cannot be read in {row}; everything else of it counts.")
    if len(rows) > _MOST_NAMED:
        _to_stderr(f"The same holds for {len(rows) - _MOST_NAMED} more; `rotator history verify` names all.")


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Remembers an option that was given; one that was not does not take back what stood before the command."""
    invocation = context.ensure_object(Invocation)
    if value:
        setattr(invocation, str(parameter.name), value)
    if parameter.name == "verbose" and value:
        # Logging costs a few milliseconds that a plain `--version` has no use for.
        from rotator.daemon.logs import log_to_stderr  # noqa: PLC0415

        log_to_stderr()


def common_options(command: _C) -> _C:
    """Adds `--config` and `--verbose`."""
    config = click.option(
        "--config",
        metavar="FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        expose_value=False,
        callback=_keep,
        help="Configuration; else $ROTATOR_CONFIG, ./config.yaml, /etc/rotator/config.yaml.",
    )
    verbose = click.option(
        "--verbose", is_flag=True, expose_value=False, callback=_keep, help="Log what is done to standard error."
    )
    return config(verbose(command))


def json_option(command: _C) -> _C:
    """Adds `--json`."""
    option = click.option("--json", is_flag=True, expose_value=False, callback=_keep, help="Print JSON.")
    return option(command)


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)
"""Gives the command its Invocation as the first argument."""
