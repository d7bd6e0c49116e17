"""A hook that reloads or restarts a unit of systemd."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from rotator.hooks.base import HookFailed
from rotator.hooks.execution import PATH, run, variables

if TYPE_CHECKING:
    from rotator.config.rotation.hooks import UnitHookSettings
    from rotator.core.hook import HookCall


class UnitHook:
    """Asks systemd by systemctl(1). Who is not root needs a rule of polkit for it (`rotator docs operations`)."""

    def __init__(self, name: str, settings: UnitHookSettings, *, path: str = PATH) -> None:
        """`path` is where systemctl is looked for."""
        self.name: Final = name
        self._settings: Final = settings
        self._path: Final = path

    def call(self, call: HookCall) -> str:
        """Returns when systemd has done it."""
        return self._systemctl(*self._settings.arguments, told=variables(call))

    def check(self) -> str:
        """Systemd is asked for the unit, and does nothing with it."""
        verb, unit = self._settings.arguments
        state = self._systemctl("show", "--property=LoadState", "--value", unit, told={})
        if state != "loaded":
            raise HookFailed(
                f"Hook {self.name}: systemd has no unit {unit} that it could {verb} ({state or 'no answer'}).",
                hint=f"`systemctl status {unit}` tells more.",
                transient=False,
            )
        return f"systemd knows {unit}; `rotator hooks test {self.name}` would {verb} it."

    def _systemctl(self, *arguments: str, told: dict[str, str]) -> str:
        program = shutil.which("systemctl", path=self._path)
        if program is None:
            raise HookFailed(
                f"Hook {self.name}: there is no systemctl on this machine.",
                hint="Use a hook of the type `command` or `webhook` here.",
                transient=False,
            )
        command = (program, "--no-ask-password", "--no-pager", *arguments)
        return run(self.name, command, told, timeout=self._settings.timeout.total_seconds())
