"""Files that say where secrets go: who else can write them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rotator import trusted_files
from rotator.trusted_files import who_else_writes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)
    made = folder / "config.yaml"
    made.touch(mode=0o644)
    return made


def test_a_file_of_ones_own_is_written_by_nobody_else(file: Path) -> None:
    assert who_else_writes(file) == ""


@pytest.mark.parametrize(
    ("place", "mode", "who"),
    [
        (".", 0o646, "everybody can write it"),
        ("..", 0o777, "everybody can write to its folder"),
        ("..", 0o1777, "everybody can write to its folder"),
        (".", 0o664, "the group daemon can write it"),
        ("..", 0o775, "the group daemon can write to its folder"),
    ],
)
def test_whoever_can_write_it_or_put_another_in_its_place_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch, place: str, mode: int, who: str
) -> None:
    (file.parent if place == ".." else file).chmod(mode)
    monkeypatch.setattr(trusted_files, "_is_own_group", lambda _: False)
    monkeypatch.setattr(trusted_files, "_group", lambda _: "daemon")

    assert who_else_writes(file) == who


def test_a_group_of_ones_own_is_nobody_else(file: Path) -> None:
    file.chmod(0o664)
    if os.geteuid() == 0:
        assert who_else_writes(file) == ""


def test_what_is_nowhere_is_written_by_nobody() -> None:
    """AWS_CONFIG_FILE=/dev/null is how people have no such file."""
    assert who_else_writes(Path("/dev/null")) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_or_a_folder_of_another_user_is_his_to_write(file: Path) -> None:
    os.chown(file, 4242424, -1)
    assert who_else_writes(file) == "it belongs to the user 4242424"
    os.chown(file, 0, -1)
    os.chown(file.parent, 4242424, -1)
    assert who_else_writes(file) == "its folder belongs to the user 4242424"


def test_a_link_is_worth_what_it_leads_to(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "config.yaml"
    link.symlink_to(file)
    assert who_else_writes(link) == ""
    file.parent.chmod(0o777)
    assert who_else_writes(link) == "everybody can write to its folder"
