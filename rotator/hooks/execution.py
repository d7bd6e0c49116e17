"""Running one program to its end: without a shell, with few variables, and within a time.

What stands in this process's own environment stays here: tokens of stores and passwords are often there.
"""

from __future__ import annotations

import os
import pwd
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, cast

from rotator.hooks.base import HookFailed
from rotator.plain_text import lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rotator.core.hook import HookCall

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for, by hooks and by what they call."""

KEPT: Final = 2000
"""Characters of the end of its output that are kept."""

_LOOKED_AT_EVERY: Final = 0.05
"""Seconds between two looks whether a program has ended that keeps its output open."""
_TO_END: Final = 2.0
"""Seconds that a program has to end after it was asked to; then it is killed."""
_READ_AT_ONCE: Final = 65_536


@dataclass(frozen=True)
class Account:
    """As whom a program runs."""

    name: str
    uid: int
    gid: int
    home: str

    @classmethod
    def of(cls, hook: str, user: str | None) -> Account:
        """The account of that user, or of this process. Raises HookFailed."""
        try:
            found = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())
        except KeyError:
            if user is None:
                return cls(str(os.geteuid()), os.geteuid(), os.getegid(), "/")
            raise HookFailed(
                f"Hook {hook}: this machine has no user {user}.",
                hint=f"Create it, or correct `user` of `hooks.after_rotation.{hook}`.",
                transient=False,
            ) from None
        account = cls(found.pw_name, found.pw_uid, found.pw_gid, found.pw_dir)
        if account.is_another and os.geteuid() != 0:
            raise HookFailed(
                f"Hook {hook}: only root can run a program as {account.name}, and rotator runs as"
                f" {cls.of(hook, None).name}.",
                hint=f"Leave out `user` of `hooks.after_rotation.{hook}`, and have the program itself ask for what it"
                " needs (a unit, a socket, a rule of polkit).",
                transient=False,
            )
        return account

    @property
    def variables(self) -> dict[str, str]:
        """The variables that a login of it has."""
        return {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}

    @property
    def is_another(self) -> bool:
        """Whether it is not the account of this process."""
        return self.uid != os.geteuid()

    @property
    def groups(self) -> list[int]:
        """Ids of all groups that it is in."""
        return sorted(os.getgrouplist(self.name, self.gid))


def variables(call: HookCall) -> dict[str, str]:
    """What a program is told of a call: names and fingerprints."""
    told = {f"ROTATOR_{name.upper()}": value.replace("\0", "?") for name, value in call.facts.items()}
    return told | ({"ROTATOR_TEST": "1"} if call.is_test else {})


def run(
    hook: str, command: Sequence[str], told: Mapping[str, str], *, timeout: float, account: Account | None = None
) -> str:
    """Runs the program to its end, and gives the end of what it said. `timeout` in seconds.

    Raises HookFailed where it cannot be started, ends with another status than 0, or takes longer; then it is ended
    with all that it has started and that did not leave its session.
    """
    account = account or Account.of(hook, None)
    environment = {"PATH": PATH, "LANG": "C.UTF-8", **account.variables, **told}
    try:
        process = subprocess.Popen(  # noqa: S603 - the configuration names the program, and there is no shell
            [*command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment,
            start_new_session=True,
            user=account.uid if account.is_another else None,
            group=account.gid if account.is_another else None,
            extra_groups=account.groups if account.is_another else None,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise HookFailed(
            f"Hook {hook}: {command[0]} cannot be started: {getattr(error, 'strerror', None) or error}.",
            hint="Check the path, that it is a program or begins with #!, and that the user may run it.",
            transient=False,
        ) from None
    with process:
        output = _Output()
        if not _has_ended(process, output, timeout):
            _end(process)
            raise HookFailed(
                f"Hook {hook}: {command[0]} was ended, as it took longer than {timeout:g} s.",
                hint="Have it do the work in the background, or give it more time (`timeout`).",
                output=output.text,
            )
    if process.returncode:
        raise HookFailed(
            f"Hook {hook}: {command[0]} {_ended(process.returncode)}.",
            hint=f"`rotator hooks test {hook}` shows what it says.",
            output=output.text,
        )
    return output.text


class _Output:
    """The end of what a program said."""

    def __init__(self) -> None:
        self._kept = b""

    def add(self, more: bytes) -> None:
        self._kept = (self._kept + more)[-4 * KEPT :]

    @property
    def text(self) -> str:
        return lines(self._kept.decode("utf-8", "replace")).strip()[-KEPT:]


def _has_ended(process: subprocess.Popen[bytes], output: _Output, timeout: float) -> bool:
    """Follows it to its end, also where something that it left behind keeps its output open."""
    pipe, ends_at = cast("IO[bytes]", process.stdout), time.monotonic() + timeout
    os.set_blocking(pipe.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        is_open = True
        while process.poll() is None:
            left = ends_at - time.monotonic()
            if left <= 0:
                _drain(pipe.fileno(), output)
                return False
            if is_open:
                if selector.select(min(left, _LOOKED_AT_EVERY)):
                    is_open = _drain(pipe.fileno(), output)
            else:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(left)
        _drain(pipe.fileno(), output)
    return True


def _drain(pipe: int, output: _Output) -> bool:
    """Reads what is there; whether more may come."""
    try:
        more = os.read(pipe, _READ_AT_ONCE)
    except BlockingIOError:
        return True
    output.add(more)
    return bool(more)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Asks it to end, and kills what is left then: also what it started, which may not have listened."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_TO_END)


def _ended(status: int) -> str:
    if status > 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
