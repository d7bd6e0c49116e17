"""What the system knows of this process."""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import pwd
import resource
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Final, NoReturn

import pytest

from rotator.process import actor, close_memory, collect_as_usual, collect_seldom, file_limit, raise_file_limit
from tests.tiers import longer

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


SHOWN = """
import ctypes, resource
import rotator.cli.main as main
main.run = lambda *_: 0
main.%s()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


@longer
@pytest.mark.parametrize("script", ["main", "rotate_main"])
def test_a_command_leaves_no_core_and_lets_no_other_process_look_into_it(script: str) -> None:
    ran = subprocess.run([sys.executable, "-c", SHOWN % script], check=True, capture_output=True, text=True)
    assert ran.stdout.split("\n")[0] == "(0, 0) 0"


def test_what_a_system_does_not_allow_keeps_nobody_from_working(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object) -> None:
        raise PermissionError("not permitted")

    monkeypatch.setattr(resource, "setrlimit", forbid)
    monkeypatch.setattr(ctypes, "CDLL", forbid)
    close_memory()


_RAISING: Final = """
import resource
from rotator.process import file_limit, raise_file_limit
soft, hard = map(int, {limits!r}.split())
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(raise_file_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@longer
@pytest.mark.parametrize(("limits", "raised"), [("64 300", "300 300 300"), ("300 300", "300 300 300")])
def test_as_many_files_may_be_open_as_the_system_allows(limits: str, raised: str) -> None:
    script = _RAISING.format(limits=limits)
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == raised


def test_a_limit_that_may_not_be_changed_is_read_where_the_kernel_shows_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def forbidden(*_: object) -> NoReturn:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(resource, "getrlimit", forbidden)
    assert raise_file_limit() == file_limit() > 0
    shown = tmp_path / "limits"
    shown.write_text("Limit                     Soft Limit           Hard Limit           Units\n"
                     "Max open files            8192                 8192                 files\n")  # fmt: skip
    assert file_limit(shown) == 8192
    assert file_limit(tmp_path / "none") == 1024


def test_garbage_is_looked_for_seldom_until_a_process_is_to_go_on() -> None:
    usual = gc.get_threshold()
    try:
        collect_seldom()
        assert gc.isenabled()
        assert gc.get_threshold()[0] > 10 * usual[0]
    finally:
        collect_as_usual()
    assert gc.get_threshold() == usual


_ENDING: Final = """
import atexit, os, sys
from rotator.process import QuickEnd
class Kept:
    def __del__(self):
        os.write(1, b"taken apart")
end = QuickEnd()
kept = Kept()
atexit.register(sys.stdout.write, "what is registered is done, ")
%s
"""


@longer
@pytest.mark.parametrize(
    ("last", "code", "out"),
    [
        ("sys.exit(end.with_code(4))", 4, "what is registered is done, "),
        ("sys.exit(3)", 3, "what is registered is done, taken apart"),
        ("end.with_code(0); os.close(1)", 120, ""),
    ],
    ids=["done", "never done", "what it says cannot be written"],
)
def test_a_command_that_is_done_takes_nothing_apart_as_it_ends(last: str, code: int, out: str) -> None:
    # What it says is to wait for its end.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    line = [sys.executable, "-c", _ENDING % last]
    ended = subprocess.run(line, check=False, capture_output=True, text=True, env=environment)
    assert (ended.returncode, ended.stdout) == (code, out)
