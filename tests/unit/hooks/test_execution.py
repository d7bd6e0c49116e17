"""A program that is run after a rotation: what it is told, what it may say, and how it is ended."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotator.config.rotation.hooks import CommandHookSettings, UnitHookSettings
from rotator.errors import ConfigurationError
from rotator.hooks import execution
from rotator.hooks.base import HookFailed
from rotator.hooks.command import CommandHook
from rotator.hooks.execution import KEPT, Account
from rotator.hooks.unit import UnitHook
from tests.unit.hooks.calls import CALL

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a program of lines for a shell."""

    def made(lines: str) -> Path:
        file = tmp_path / f"script-{len(list(tmp_path.iterdir()))}"
        file.write_text(f"#!/bin/sh\n{lines}\n")
        file.chmod(0o755)
        return file

    return made


def hook(*command: str | Path, timeout: str = "20s", user: str | None = None) -> CommandHook:
    settings = CommandHookSettings.model_validate(
        {"type": "command", "command": [*map(str, command)], "timeout": timeout, "user": user}
    )
    return CommandHook("reload", settings)


def test_it_is_told_names_and_fingerprints_in_variables(script: Callable[[str], Path]) -> None:
    said = hook(script("env | grep ROTATOR_ | sort")).call(CALL)
    assert said.splitlines() == sorted(f"ROTATOR_{name.upper()}={value}" for name, value in CALL.facts.items())


def test_of_this_programs_own_variables_it_gets_none(
    script: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "hvs.not-for-hooks")
    said = hook(script("env")).call(CALL)
    names = {line.partition("=")[0] for line in said.splitlines()}
    assert {name for name in names if not name.startswith("ROTATOR_")} <= {
        *("PATH", "LANG", "HOME", "USER", "LOGNAME"),
        # What the shell adds.
        *("PWD", "SHLVL", "_", "OLDPWD"),
    }


def test_its_arguments_reach_it_as_they_are_and_no_shell_reads_them(script: Callable[[str], Path]) -> None:
    said = hook(script('printf "%s\\n" "$@"'), "$(touch /nowhere)", "two words", "; ls").call(CALL)
    assert said.splitlines() == ["$(touch /nowhere)", "two words", "; ls"]


def test_it_reads_nothing_and_stands_in_the_root_folder(script: Callable[[str], Path]) -> None:
    assert hook(script("cat; pwd")).call(CALL) == "/"


def test_a_status_is_a_failure_with_what_was_said(script: Callable[[str], Path]) -> None:
    with pytest.raises(HookFailed, match="ended with status 3") as failed:
        hook(script("echo no such consumer >&2; exit 3")).call(CALL)
    assert failed.value.output == "no such consumer"
    assert failed.value.hint == "`rotator hooks test reload` shows what it says."
    assert failed.value.transient


def test_so_is_a_signal(script: Callable[[str], Path]) -> None:
    with pytest.raises(HookFailed, match="was ended by SIGKILL"):
        hook(script("kill -9 $$")).call(CALL)


def test_one_that_takes_too_long_is_ended_with_what_it_started(script: Callable[[str], Path], tmp_path: Path) -> None:
    note = tmp_path / "child"
    with pytest.raises(HookFailed, match=r"took longer than 1 s\."):
        hook(script(f"sleep 600 & echo $! > {shlex.quote(str(note))}; wait"), timeout="1s").call(CALL)
    assert _ends(int(note.read_text()))


def test_so_is_what_it_started_and_that_does_not_listen(
    script: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "_TO_END", 0.2)
    note = tmp_path / "child"
    with pytest.raises(HookFailed, match="took longer"):
        hook(
            script(f"(trap '' TERM; while :; do sleep 0.05; done) & echo $! > {shlex.quote(str(note))}; sleep 600"),
            timeout="1s",
        ).call(CALL)
    assert _ends(int(note.read_text()))


def test_one_that_ignores_the_request_to_end_is_killed(
    script: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "_TO_END", 0.2)
    with pytest.raises(HookFailed, match="took longer"):
        hook(script("trap '' TERM; while :; do sleep 0.05; done"), timeout="1s").call(CALL)


def test_what_it_leaves_behind_is_not_waited_for(script: Callable[[str], Path], tmp_path: Path) -> None:
    note = tmp_path / "child"
    said = hook(script(f"echo begun; sleep 600 & echo $! > {shlex.quote(str(note))}"), timeout="15s").call(CALL)
    os.kill(int(note.read_text()), 9)
    assert said == "begun"


def test_of_much_that_it_says_the_end_is_kept(script: Callable[[str], Path]) -> None:
    said = hook(script("seq 1 200000")).call(CALL)
    assert said.endswith("\n199999\n200000")
    assert len(said) <= KEPT


def test_what_it_says_cannot_move_a_terminal(script: Callable[[str], Path]) -> None:
    assert hook(script(r"printf 'a\033[2Jb\377'")).call(CALL) == "a?[2Jb\ufffd"


@pytest.mark.parametrize("content", ["", "no program"])
def test_one_that_cannot_be_started_is_told_of_and_is_for_a_person(tmp_path: Path, content: str) -> None:
    file = tmp_path / "program"
    if content:
        file.write_text(content)
    with pytest.raises(HookFailed, match="cannot be started: ") as failed:
        hook(file).call(CALL)
    assert not failed.value.transient
    with pytest.raises(HookFailed, match="is no program that can be run"):
        hook(file).check()


def test_a_check_does_not_run_it(script: Callable[[str], Path], tmp_path: Path) -> None:
    assert "is there, and runs as" in hook(script(f"touch {tmp_path}/was-run")).check()
    assert not (tmp_path / "was-run").exists()


def test_a_user_that_there_is_not_is_told_of() -> None:
    with pytest.raises(HookFailed, match="this machine has no user nobody-of-ours"):
        hook("/bin/true", user="nobody-of-ours").check()


def test_only_root_runs_it_as_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 65_534)
    with pytest.raises(HookFailed, match="only root can run a program as root"):
        hook("/bin/true", user="root").call(CALL)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a program as somebody else")
def test_as_root_it_runs_with_the_rights_of_its_user_and_no_others(script: Callable[[str], Path]) -> None:
    file = script("id -un; id -Gn; echo $HOME")
    file.parent.chmod(0o755)
    account = Account.of("reload", "nobody")
    said = execution.run("reload", ["/bin/sh", "-c", "id -u; id -G; echo $HOME"], {}, timeout=60, account=account)
    assert said.splitlines() == [str(account.uid), str(account.gid), account.home]


def test_a_program_that_others_can_replace_is_not_run_by_root(
    script: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = script("true")
    file.chmod(0o777)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    if file.stat().st_uid == 0:
        with pytest.raises(ConfigurationError, match="everybody can write it"):
            hook(file)
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid or 1000)
    hook(file)
    assert "is run after rotations, and" in caplog.text


def systemctl(tmp_path: Path, lines: str) -> str:
    """A folder with a systemctl in it that notes what it was told."""
    file = tmp_path / "systemctl"
    file.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(tmp_path))}/told\n{lines}\n')
    file.chmod(0o755)
    return str(tmp_path)


def unit(path: str, **what: str) -> UnitHook:
    return UnitHook("reload", UnitHookSettings.model_validate({"type": "unit", **what}), path=path)


@pytest.mark.parametrize("verb", ["reload", "restart"])
def test_a_unit_is_reloaded_or_restarted_by_systemctl_which_asks_nobody(tmp_path: Path, verb: str) -> None:
    unit(systemctl(tmp_path, ""), **{verb: "billing.service"}).call(CALL)
    assert (tmp_path / "told").read_text() == f"--no-ask-password --no-pager {verb} billing.service\n"


def test_what_systemd_refuses_is_told(tmp_path: Path) -> None:
    refusing = systemctl(tmp_path, "echo 'Access denied' >&2; exit 4")
    with pytest.raises(HookFailed, match="ended with status 4") as failed:
        unit(refusing, reload="billing.service").call(CALL)
    assert failed.value.output == "Access denied"


def test_a_check_asks_systemd_for_the_unit_alone(tmp_path: Path) -> None:
    assert "systemd knows billing.service" in unit(systemctl(tmp_path, "echo loaded"), reload="billing.service").check()
    with pytest.raises(HookFailed, match=r"no unit billing.service that it could restart \(not-found\)"):
        unit(systemctl(tmp_path, "echo not-found"), restart="billing.service").check()


def test_a_machine_without_systemd_says_so(tmp_path: Path) -> None:
    with pytest.raises(HookFailed, match="no systemctl on this machine"):
        unit(str(tmp_path), reload="billing.service").check()


def _ends(pid: int) -> bool:
    """Whether it has ended, or does as soon as the system comes to the signal that it was sent."""
    deadline = time.monotonic() + 60
    while _lives(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
