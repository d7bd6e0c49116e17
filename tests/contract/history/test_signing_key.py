"""Before the next event is signed it can be told whether it would be believed: the key is the one of the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.core.crypto.signatures import SigningKey
from rotator.errors import HistoryError
from rotator.history.journal.evidence import key_fault
from rotator.history.journal.journal import Journal
from rotator.history.signing.signer import Signer
from tests.contract.history.databases import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.history.engine.database import Database
    from rotator.history.journal.evidence import Fault


@pytest.fixture
def key(database: Database, tmp_path: Path) -> Path:
    """The file of a key that has signed an event."""
    file = tmp_path / "rotator.db.key"
    database.signer = Signer(file)
    Journal(database).record("export", now=NOW, credential="billing")
    return file


def found(database: Database, key: Path) -> Fault | None:
    with database.reading() as connection:
        return key_fault(connection, Signer(key))


def test_all_is_well_with_the_key_that_signed(database: Database, key: Path) -> None:
    assert found(database, key) is None


def test_where_nothing_was_signed_no_key_is_missed_and_none_is_made(database: Database, tmp_path: Path) -> None:
    Journal(database).record("export", now=NOW, credential="billing")
    assert found(database, tmp_path / "none.key") is None
    assert [*tmp_path.glob("none*")] == []


def test_a_key_that_is_gone_is_missed(database: Database, key: Path) -> None:
    key.unlink()
    fault = found(database, key)
    assert fault
    assert "Event 1, the last one, was signed with the key " in fault.sentence
    assert f"Put {key} back from a backup" in fault.hint
    assert not key.exists()


def test_another_key_in_its_place_is_found(database: Database, key: Path) -> None:
    key.write_text(SigningKey.generate().pem().reveal())
    fault = found(database, key)
    assert fault
    assert "which is not here" in fault.sentence
    assert "trusted_keys" in fault.hint


def test_another_key_is_no_fault_where_the_one_before_counts_still(database: Database, key: Path) -> None:
    before = Signer(key).public_key()
    key.write_text(SigningKey.generate().pem().reveal())
    with database.reading() as connection:
        assert key_fault(connection, Signer(key, trusted=[before])) is None


def test_a_noted_head_of_another_key_is_found(database: Database, key: Path, tmp_path: Path) -> None:
    theirs = Signer(tmp_path / "theirs.key")
    theirs.key()
    database.signer = theirs
    Journal(database).record("export", now=NOW, credential="billing")
    assert theirs.note.exists()
    theirs.note.replace(Signer(key).note)
    with database.reading() as connection:
        fault = key_fault(connection, Signer(key, trusted=[]))
        assert fault
        trusting = Signer(key, trusted=[theirs.public_key()])
        assert key_fault(connection, trusting) is None


def test_a_key_that_others_can_read_is_refused(database: Database, key: Path) -> None:
    key.chmod(0o644)
    with pytest.raises(HistoryError, match="can be read by others") as refused:
        found(database, key)
    assert "chmod 600" in refused.value.hint
