"""A hook that is a program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rotator.hooks.base import HookFailed
from rotator.hooks.execution import Account, run, variables
from rotator.trusted_files import warn_or_refuse, who_else_writes

if TYPE_CHECKING:
    from rotator.config.rotation.hooks import CommandHookSettings
    from rotator.core.hook import HookCall


class CommandHook:
    """Runs a program with its arguments, without a shell."""

    def __init__(self, name: str, settings: CommandHookSettings) -> None:
        """Raises ConfigurationError where rotator is root and others can put another program in its place."""
        self.name: Final = name
        self._settings: Final = settings
        self._program: Final = Path(settings.command[0])
        if who := who_else_writes(self._program):
            warn_or_refuse(
                f"Hook {name}: {self._program} is run after rotations, and {who}.",
                "Have it and its folder belong to root, with nobody else to write them.",
            )

    def call(self, call: HookCall) -> str:
        """Runs it to its end."""
        account = Account.of(self.name, self._settings.user)
        timeout = self._settings.timeout.total_seconds()
        return run(self.name, self._settings.command, variables(call), timeout=timeout, account=account)

    def check(self) -> str:
        """It is not run."""
        account = Account.of(self.name, self._settings.user)
        if not self._program.is_file() or not os.access(self._program, os.X_OK):
            raise HookFailed(
                f"Hook {self.name}: {self._program} is no program that can be run.",
                hint="Check the path and its mode (chmod +x).",
                transient=False,
            )
        return f"{self._program} is there, and runs as {account.name}; `rotator hooks test {self.name}` runs it."
