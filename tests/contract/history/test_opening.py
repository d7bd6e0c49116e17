"""A mistake in `database` makes no empty history beside the one in use, whatever kind of database it is."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from rotator.errors import HistoryError
from rotator.history.engine.database import file_of, name_of, open_database
from rotator.history.installation import Installation
from rotator.history.opening import Use, opened_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.history.databases import Kind


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "config.yaml", {"XDG_STATE_HOME": str(tmp_path / "state")})


@pytest.fixture
def urls(database_kind: Kind) -> Iterator[tuple[str, str]]:
    """A history that is in use, and a database without tables."""
    with ExitStack() as made:
        used = made.enter_context(database_kind.new())
        yield used, made.enter_context(database_kind.empty())


def opened(url: str, use: Use, installation: Installation) -> tuple[str | None, list[str]]:
    """The version of the tables that a command got, and what it was told."""
    said: list[str] = []
    with opened_history(url, partial(open_database, url), use, installation, said.append) as database:
        return database.version, said


def is_untouched(url: str) -> bool:
    file = file_of(url)
    if file is not None:
        return not file.exists() and not file.with_name(file.name + ".locks").exists()
    with open_database(url) as database:
        return database.is_empty


def test_the_first_one_is_made_and_said_once(urls: tuple[str, str], installation: Installation) -> None:
    _, empty = urls
    version, said = opened(empty, "write", installation)
    assert (version is not None, said) == (True, [f"A new history was made: {name_of(empty)}."])
    assert installation.last_history() == name_of(empty)
    assert opened(empty, "write", installation) == (version, [])


@pytest.mark.parametrize("use", ["read", "write"])
def test_none_is_made_where_another_was_used(urls: tuple[str, str], installation: Installation, use: Use) -> None:
    used, empty = urls
    opened(used, "write", installation)
    with pytest.raises(HistoryError, match="used another before") as refused:
        opened(empty, use, installation)
    assert name_of(used) in refused.value.message
    assert "Correct `database`" in refused.value.hint
    assert "db upgrade --init" in refused.value.hint
    assert is_untouched(empty)
    assert installation.last_history() == name_of(used)


def test_a_person_may_begin_another(urls: tuple[str, str], installation: Installation) -> None:
    used, empty = urls
    opened(used, "write", installation)
    version, said = opened(empty, "begin", installation)
    assert (version is not None, len(said), installation.last_history()) == (True, 1, name_of(empty))


def test_another_that_is_in_use_already_is_taken(urls: tuple[str, str], installation: Installation) -> None:
    used, empty = urls
    opened(empty, "write", installation)
    _, said = opened(used, "write", installation)
    assert (said, installation.last_history()) == ([], name_of(used))


def test_who_only_reads_finds_an_empty_one_and_makes_none(urls: tuple[str, str], installation: Installation) -> None:
    _, empty = urls
    version, said = opened(empty, "read", installation)
    assert (version is not None, said) == (True, [])
    assert is_untouched(empty)
    assert installation.last_history() == ""


def test_a_history_that_is_gone_is_no_new_one(urls: tuple[str, str], installation: Installation) -> None:
    _, empty = urls
    installation.remember(name_of(empty))
    with pytest.raises(HistoryError, match="is not there, and this installation has used it before") as refused:
        opened(empty, "write", installation)
    assert "Bring it back" in refused.value.hint
    assert is_untouched(empty)
