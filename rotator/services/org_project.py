"""A project for Salesforce's command line: the permission sets of the program's user, and an external client app.

The files ship with the program (docs/salesforce-project), with capitals for what differs from app to app.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from rotator.config.settings import APP_NAME
from rotator.errors import ConfigurationError
from rotator.resources import project_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rotator.core.crypto.certificates import Certificate

_KEY_LENGTH: Final = 64
_KEY_LETTERS: Final = string.ascii_letters + string.digits
"""What a consumer key may be made of that its maker chooses (Metadata API, ConnectedApp, consumerKey)."""


@dataclass(frozen=True)
class NewApp:
    """An external client app that is to be made by a deployment."""

    name: str
    contact: str
    """A mail address: every app has one."""
    permission_set: str
    """API name of the one whose users may log in through it (Metadata API, ExtlClntAppOauthConfigurablePolicies)."""
    client_id: str
    certificate: Certificate | None = None
    """None for an app that gets one by its first rotation."""


def new_client_id(choice: Callable[[str], str]) -> str:
    """A consumer key that nobody has; `choice` takes one of some letters at random."""
    return "".join(choice(_KEY_LETTERS) for _ in range(_KEY_LENGTH))


def files_of(app: NewApp) -> dict[str, str]:
    """The project's files by their paths in it.

    Raises RotatorError when the installation lacks them, ConfigurationError for a name that no app can have.
    """
    if not re.fullmatch(APP_NAME, app.name):
        raise ConfigurationError(
            f"No app can be called {app.name!r}: an API name has letters, digits and `_`, a letter in front.",
            effect="Nothing was written.",
            hint="Give another name with --app.",
        )
    if not re.fullmatch(r"[A-Za-z]\w*", app.permission_set, re.ASCII):
        raise ConfigurationError(
            f"No permission set has the API name {app.permission_set!r}: that has letters, digits and `_`.",
            effect="Nothing was written.",
            hint="Give with --permission-set what Setup shows as its API Name, not its label.",
        )
    certificate = f"<certificate>{app.certificate.base64}</certificate>" if app.certificate else ""
    purpose = "Made by rotator, which replaces its certificate."
    values = {
        "    <certificate>CERTIFICATE</certificate>\n": f"    {certificate}\n" if certificate else "",
        "APP_NAME": app.name,
        "APP_LABEL": app.name.replace("_", " "),
        "APP_DESCRIPTION": purpose,
        "CONTACT": escape(app.contact),
        "PERMISSION_SET": app.permission_set,
        "CONSUMER_KEY": app.client_id,
    }
    return {_filled(path, values): _filled(text, values) for path, text in project_files().items()}


def write_project(app: NewApp, folder: Path) -> None:
    """Writes the project into a new or empty folder. Raises ConfigurationError when that cannot be."""
    files = files_of(app)
    try:
        if folder.exists() and any(folder.iterdir()):
            raise ConfigurationError(
                f"The folder {folder} is not empty.",
                effect="Nothing was written.",
                hint="Name one that is not there yet: an app is made once, and each has a folder of its own.",
            )
        for path, text in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"The folder {folder} cannot be written: {error.strerror}.",
            effect="What it has of the project is not whole.",
            hint="Name another one.",
        ) from None


def _filled(text: str, values: dict[str, str]) -> str:
    # In one pass: a value may hold what another stands for, as an app's name does.
    return re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]], text)
