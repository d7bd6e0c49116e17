"""Upgrades the tables in a process of its own, so that a service does not keep Alembic in its memory.

What goes wrong there is not told here: who opens the database next upgrades it, and says why it cannot.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from rotator.core.secret import Secret
from rotator.errors import HistoryError, RotatorError
from rotator.history.engine import upgrades
from rotator.history.engine.database import open_configured, open_database

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.config.database import DatabaseSettings


def upgrade_apart(settings: DatabaseSettings, environ: Mapping[str, str]) -> None:
    """Brings the tables to this release's version, if they are not, as `Database.upgrade` does.

    Raises ConfigurationError as `open_database` does; a history that cannot be opened or upgraded is left as it is.
    """
    with suppress(HistoryError), open_configured(settings, environ) as database:
        if upgrades.is_current(database.version, database.name):
            return
        password = settings.password.resolve(environ).reveal() if settings.password else None
        # By a pipe: arguments and variables of a process may be seen by others.
        asked = {"url": settings.url, "password": password, "insecure": bool(settings.insecure)}
        # `-P`: nothing in the folder where the service was started takes the place of a module.
        command = [sys.executable, "-P", "-m", __name__]
        subprocess.run(command, input=json.dumps(asked).encode(), env=dict(environ), capture_output=True, check=False)  # noqa: S603 - this interpreter, on a module of ours


def main() -> int:
    """What the process does: the database is named on its standard input."""
    asked = json.load(sys.stdin)
    password = Secret(asked["password"]) if asked["password"] is not None else None
    try:
        with open_database(asked["url"], password=password, insecure=asked["insecure"]) as database:
            database.upgrade()
    except RotatorError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
