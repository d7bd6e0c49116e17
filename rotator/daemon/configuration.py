"""The configuration of a service: checked before it is in force, and read again on SIGHUP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.alerts.plugins import open_channel
from rotator.config.loading import load
from rotator.core.alert import NewAlert
from rotator.core.severity import Severity
from rotator.entry_points import Surroundings
from rotator.services.alerting.kinds import CONFIGURATION, key

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.application import Application
    from rotator.config.settings import Settings
    from rotator.errors import RotatorError

_WITH_A_RESTART: Final = ("database", "http", "history")
"""Sections that count from the next start only."""


def check_secrets(app: Application, settings: Settings) -> None:
    """Checks that the secrets are there that the service itself needs: of its channels, pages, history and heartbeat.

    Keys of orgs and stores are not asked for: one that is missing is an alert, and concerns no other org. Nor is the
    token of pages that `rotator pages` serves, which is that process' alone. Raises ConfigurationError.
    """
    for name, channel in settings.alerts.channels.items():
        open_channel(name, channel, Surroundings(app.environ, app.now)).close()
    heartbeat = settings.daemon.heartbeat
    beat = heartbeat.url if heartbeat else None
    for secret in (settings.history.signing_key, beat):
        if secret is not None:
            secret.resolve(app.environ)
    _check_password(app, settings)
    if settings.http and settings.http.process == "shared":
        settings.http.tokens(app.environ)


def check_secrets_of_pages(app: Application, settings: Settings) -> None:
    """Checks the secrets of the history and of its pages, which are all that `rotator pages` needs.

    Raises ConfigurationError.
    """
    _check_password(app, settings)
    if settings.http:
        settings.http.tokens(app.environ)


def _check_password(app: Application, settings: Settings) -> None:
    if settings.database.password:
        settings.database.password.resolve(app.environ)


def read_again(app: Application, check: Callable[[Application, Settings], None] = check_secrets) -> Settings:
    """What config.yaml says now. Raises ConfigurationError when it is wrong, or `check` finds a secret missing."""
    if app.config is None:
        return app.settings
    settings = load(app.config)
    check(app, settings)
    return settings


def changed(before: Settings, after: Settings) -> list[str]:
    """The sections in which two configurations differ."""
    return [name for name in type(after).model_fields if getattr(before, name) != getattr(after, name)]


def needs_restart(sections: list[str]) -> list[str]:
    """Those of them that count from the next start only."""
    return [name for name in sections if name in _WITH_A_RESTART]


def refusal_of(machine: str) -> str:
    """Key of the alert that config.yaml was changed and is wrong: that of this machine, where there are several."""
    return key(CONFIGURATION, machine) if machine else CONFIGURATION


def refused(error: RotatorError, machine: str = "") -> NewAlert:
    """The alert that a configuration was refused."""
    return NewAlert(
        key=refusal_of(machine),
        kind=CONFIGURATION,
        severity=Severity.WARNING,
        title=f"config.yaml{f' on {machine}' if machine else ''} was changed, and is wrong",
        text=error.message,
        meanwhile="The configuration before it stays in force, and a restart would fail.",
        to_do="Correct it, and have it read with `systemctl reload rotator`.",
        facts={"Machine": machine} if machine else {},
    )
