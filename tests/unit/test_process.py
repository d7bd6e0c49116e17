"""What the system knows of this process."""

from __future__ import annotations

import os
import pwd
import socket
from typing import TYPE_CHECKING

import pytest

from rotator.process import actor

if TYPE_CHECKING:
    from pathlib import Path

UID = os.getuid()
NAME = pwd.getpwuid(UID).pw_name


@pytest.fixture
def login_uid(tmp_path: Path) -> Path:
    return tmp_path / "loginuid"


@pytest.mark.parametrize("variable", ["SUDO_USER", "DOAS_USER", "LOGNAME", "USER"])
def test_a_variable_makes_nobody_another(variable: str, login_uid: Path) -> None:
    login_uid.write_text(str(UID))

    found = actor({variable: "ceo"}, login_uid=login_uid)

    assert (found.name, found.uid) == (f"{NAME}@{socket.gethostname()}", UID)
    assert (found.login_uid, found.login_name, found.claimed_name) == (UID, NAME, "ceo")


def test_of_what_is_claimed_the_most_telling_is_kept(login_uid: Path) -> None:
    assert actor({"SUDO_USER": "ada", "USER": "root"}, login_uid=login_uid).claimed_name == "ada"
    assert actor({"LOGNAME": NAME, "USER": NAME}, login_uid=login_uid).claimed_name == ""


def test_a_login_without_a_name_is_kept_by_its_number(login_uid: Path) -> None:
    login_uid.write_text("4242424\n")

    assert (actor({}, login_uid=login_uid).login_uid, actor({}, login_uid=login_uid).login_name) == (4242424, "4242424")


@pytest.mark.parametrize("content", ["4294967295", "", "nobody", None])
def test_where_nobody_has_logged_in_that_is_not_known(content: str | None, login_uid: Path) -> None:
    if content is not None:
        login_uid.write_text(content)

    found = actor({}, name="rotator on host7", login_uid=login_uid)

    assert (found.name, found.uid, found.login_uid, found.login_name) == ("rotator on host7", UID, None, "")
