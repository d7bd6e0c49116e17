"""Which history a command gets: the one that is there, a new one, or none where `database` seems to be mistaken."""

from __future__ import annotations

import logging
import tempfile
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from rotator.errors import HistoryError
from rotator.history.engine.database import file_of, name_of, open_configured, open_database
from rotator.history.signing.signer import Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rotator.config.settings import Settings
    from rotator.history.engine.database import Database
    from rotator.history.installation import Installation


_LOG: Final = logging.getLogger(__name__)

Use: TypeAlias = Literal["read", "write", "begin"]
"""What a command does where there is no history: finds an empty one; makes one, unless another was used before; makes
one, as a person has asked for it."""


@contextmanager
def configured_history(
    settings: Settings,
    environ: Mapping[str, str],
    installation: Installation,
    use: Use,
    *,
    say: Callable[[str], None] | None = None,
    beforehand: Callable[[], None] | None = None,
) -> Iterator[Database]:
    """The history of a configuration, with its signer. Raises what `opened_history` raises, and ConfigurationError."""
    open_it = partial(open_configured, settings.database, environ)
    with opened_history(settings.database.url, open_it, use, installation, say, beforehand) as database:
        database.signer = Signer.configured(settings.history, database.configured_name, environ)
        yield database


@contextmanager
def opened_history(
    url: str,
    open_it: Callable[[], Database],
    use: Use,
    installation: Installation,
    say: Callable[[str], None] | None = None,
    beforehand: Callable[[], None] | None = None,
) -> Iterator[Database]:
    """The history that a configuration names, upgraded to this release; `say`, or the log, tells that one was made.

    `open_it` opens it as it is configured; `beforehand` may upgrade it in another way, once it is clear that it is the
    one that is meant.

    Raises HistoryError where there is none and this installation has used one before, and what `open_database` raises.
    """
    # Read first: whoever makes the history at the same moment remembers it only when it is there.
    last = installation.last_history()
    with ExitStack() as opened:
        database = _there(url, open_it, opened)
        if database is None and last and use != "begin":
            raise _was_another(name_of(url), last)
        if database is None and use == "read":
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="rotator-"))
            empty = opened.enter_context(open_database(f"sqlite:///{Path(folder) / 'empty.db'}"))
            empty.stands_in_for = name_of(url)
            yield empty.upgrade()
            return
        if beforehand:
            beforehand()
        is_new = database is None
        if database is None:
            database = opened.enter_context(open_it())
        database.upgrade()
        if is_new:
            (say or _LOG.info)(f"A new history was made: {database.name}.")
        installation.remember(database.name)
        yield database


def _there(url: str, open_it: Callable[[], Database], opened: ExitStack) -> Database | None:
    """The history, open; None where there is no file, or nothing in it."""
    file = file_of(url)
    if file is not None and not file.exists():
        return None
    with ExitStack() as opening:
        database = opening.enter_context(open_it())
        if database.is_empty:
            return None
        opened.push(opening.pop_all())
    return database


def _was_another(name: str, last: str) -> HistoryError:
    hint = (
        "Bring it back, such as from a backup or by mounting its folder; or begin a new history with"
        " `rotator db upgrade --init`."
        if name == last
        else f"Correct `database`, if {last} is still the one; else begin this with `rotator db upgrade --init`."
    )
    what = (
        f"The history {name} is not there, and this installation has used it before."
        if name == last
        else f"There is no history at {name}, and this installation has used another before: {last}."
    )
    return HistoryError(what, effect="No history was made, and nothing else was touched.", hint=hint)
