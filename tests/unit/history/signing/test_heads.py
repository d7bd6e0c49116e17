"""Heads of the chain as text: found again wherever they were written, and believed as they were signed only."""

from __future__ import annotations

import io
import stat
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.crypto.signatures import SigningKey
from rotator.history.signing.heads import Head, append_head, heads_in, heads_in_file

if TYPE_CHECKING:
    from pathlib import Path

KEY = SigningKey.generate()
KEYS = {KEY.public.id: KEY.public}
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - it has one


@given(events=st.integers(1, 10**18 - 1), event_hash=HASHES, time=TIMES, before=st.text(), after=st.text())
def test_a_head_is_found_again_in_any_text(
    events: int, event_hash: str, time: datetime, before: str, after: str
) -> None:
    head = Head.signed(events, event_hash, time, KEY)

    assert head in list(heads_in(f"{before} {head} {after}"))
    assert head.is_signed_by(KEYS)


@pytest.mark.parametrize("size", [1, 50, 216, 217, 218, 1000, 10_000])
def test_heads_of_a_file_are_found_once_wherever_it_is_cut(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr("rotator.history.signing.heads._PIECE", size)
    noted = [
        Head.signed(events, "a" * 64, datetime(2026, 11, 23, 12, tzinfo=UTC), KEY)
        for events in (1, 77, 10**18 - 1, 10**18 - 1)
    ]
    text = f"{noted[0]}\0{noted[1]}{'x' * 700}{noted[2]}\n{noted[3]}"

    assert list(heads_in_file(io.StringIO(text))) == noted


def test_a_file_without_end_is_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rotator.history.signing.heads._PIECE", 1000)
    head = Head.signed(7, "a" * 64, datetime(2026, 11, 23, 12, tzinfo=UTC), KEY)

    class Endless(io.StringIO):
        def read(self, size: int | None = -1, /) -> str:
            assert size == 1000
            return super().read(size) or "0" * size

    assert next(heads_in_file(Endless(f"{head}"))) == head


@given(st.text())
def test_a_text_without_heads_has_none(text: str) -> None:
    assert list(heads_in(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "rotator-head.0." + "a" * 64 + ".20261123T120000Z." + "0" * 16 + "." + "A" * 86,
        "rotator-head.1." + "a" * 64 + ".20261323T120000Z." + "0" * 16 + "." + "A" * 86,
    ],
)
def test_what_only_looks_like_a_head_is_none(text: str) -> None:
    assert list(heads_in(text)) == []


@pytest.mark.parametrize(
    "change", [{"events": 8}, {"hash": "b" * 64}, {"time": datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)}]
)
def test_a_head_that_was_changed_is_signed_by_nobody(change: dict[str, object]) -> None:
    head = Head.signed(7, "a" * 64, datetime(2026, 11, 23, 12, tzinfo=UTC), KEY)

    assert not Head(**vars(head) | change).is_signed_by(KEYS)
    assert not head.is_signed_by({})


def test_a_head_tells_its_time_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    head = Head.signed(7, "a" * 64, datetime(2026, 11, 23, 13, 0, 0, 999, tzinfo=berlin), KEY)

    assert head.time == datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_heads_are_added_to_a_file_of_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "heads.log"
    heads = [Head.signed(number, "a" * 64, datetime(2026, 11, 23, tzinfo=UTC), KEY) for number in (1, 2)]
    for head in heads:
        append_head(file, head)

    assert list(heads_in(file.read_text())) == heads
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_heads_are_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "heads.log").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError, match="symbolic"):
        append_head(tmp_path / "heads.log", Head.signed(1, "a" * 64, datetime(2026, 11, 23, tzinfo=UTC), KEY))
    assert not (tmp_path / "elsewhere").exists()
