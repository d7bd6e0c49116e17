"""Consumers leave a line in a folder; whatever else is there is passed over."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.usage.told_reports import line_of, parsed
from rotator.errors import StoreError
from rotator.stores.files.report_folder import ReportFolder

if TYPE_CHECKING:
    from pathlib import Path

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LINE: Final = line_of("a" * 64, NOW)


def test_a_line_is_read_as_it_was_left_and_the_last_one_counts(tmp_path: Path) -> None:
    folder = ReportFolder(tmp_path)
    folder.write("billing", "batch", line_of("b" * 64, NOW))
    folder.write("billing", "batch", LINE)
    assert folder.read("billing", ["batch", "web"]) == [parsed("batch", LINE)]
    assert [each.name for each in (tmp_path / "billing").iterdir()] == ["batch"]


def test_what_is_no_line_of_a_file_is_passed_over_at_once(tmp_path: Path) -> None:
    inside = tmp_path / "billing"
    inside.mkdir()
    (tmp_path / "secret").write_text(LINE)
    (inside / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(inside / "pipe")
    (inside / "folder").mkdir()
    (inside / "long").write_text(LINE + " " * 100_000)
    (inside / "binary").write_bytes(b"\xff" * 85)
    (inside / "other").write_text("hello")
    (inside / "first").write_text(f"{'a' * 64} 0001-01-01T00:00:00+14:00")
    (inside / "good").write_text(f"{LINE}\n")
    names = ["link", "pipe", "folder", "long", "binary", "other", "first", "good", "missing"]
    assert [each.consumer for each in ReportFolder(tmp_path).read("billing", names)] == ["good"]


def test_what_is_there_and_cannot_be_read_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "billing" / "batch").mkdir(parents=True)
    (tmp_path / "billing" / "web").write_text("hello")
    assert ReportFolder(tmp_path).read("billing", ["batch", "web", "missing"]) == []
    told = [(record.getMessage(), vars(record)["consumer"]) for record in caplog.records]
    assert told == [
        ("what a consumer says is not read: is a directory", "batch"),
        ("what a consumer says is not read: it is not `FINGERPRINT TIME`", "web"),
    ]


def test_others_may_read_a_line_whatever_the_umask_of_who_left_it(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        ReportFolder(tmp_path).write("billing", "batch", LINE)
    finally:
        os.umask(before)
    folder = tmp_path / "billing"
    assert (folder.stat().st_mode & 0o777, (folder / "batch").stat().st_mode & 0o777) == (0o755, 0o644)


@pytest.mark.parametrize("name", ["../batch", "", "a/b", ".hidden", "x" * 65])
def test_no_consumer_leaves_anything_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="can be called"):
        ReportFolder(tmp_path).write("billing", name, LINE)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be left"):
        ReportFolder(tmp_path / "nowhere").write("billing", "batch", LINE)
    assert ReportFolder(tmp_path / "nowhere").read("billing", ["batch"]) == []
