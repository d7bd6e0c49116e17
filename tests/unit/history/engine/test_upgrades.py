from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import rotator
from rotator.errors import HistoryError
from rotator.history.engine import upgrades
from rotator.history.engine.database import Database, open_database
from tests.tiers import longer

if TYPE_CHECKING:
    from pathlib import Path

NEWEST = upgrades.known_versions()[-1]

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0900"
down_revision = "{newest}"


def upgrade():
    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("{statement}")
"""


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations that a test may add to, in a folder whose name needs care."""
    folder = tmp_path / "100% ours"
    shutil.copytree(upgrades.migrations_folder(), folder)
    monkeypatch.setattr(upgrades, "migrations_folder", lambda: folder)
    return folder


def test_versions_are_known_in_their_order(migrations: Path) -> None:
    (migrations / "versions" / "0910_later.py").touch()
    (migrations / "versions" / "0909_later.py").touch()

    known = upgrades.known_versions()
    assert (known[0], known[-2:]) == ("0001", ["0909", "0910"])


def test_an_earlier_database_is_brought_up_to_date(database: Database, migrations: Path) -> None:
    (migrations / "versions" / "0900_next.py").write_text(NEXT.format(newest=NEWEST, statement="SELECT 1"))

    assert database.upgrade().version == "0900"


@longer
def test_the_version_is_looked_at_again_when_it_is_our_turn(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path}/rotator.db") as database:
        database.upgrade()
        with database.writing() as connection:
            upgrades.apply(connection, database.name)
        assert database.version == NEWEST


def test_an_installation_without_migrations_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotator, "__file__", str(tmp_path / "rotator" / "__init__.py"))

    with pytest.raises(HistoryError, match="lacks its database migrations"):
        upgrades.migrations_folder()
