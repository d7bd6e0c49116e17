"""A folder with all that a stranger needs to work against the simulated orgs: authority, keys, configuration."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from rotator.errors import ConfigurationError
from rotator.simulator.serving.disk import replace_file
from rotator.simulator.serving.scenario import MANAGED, username

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.org import Org

STORE: Final = "keys"
"""The store's name in the exported configuration."""
STORE_FOLDER: Final = "store"
_USUAL_TIMEOUT: Final = 15 * 60
"""Seconds for which test logins are tried unless config.yaml says otherwise: what has to hold for longer needs more."""
_HEADER: Final = "# The simulated orgs of `rotator simulator serve`. Paths are relative to this file.\n"


@dataclass(frozen=True)
class Export:
    """The exported folder: ca.pem, keys/, config.yaml, simulator.json, and the simulator's own state."""

    folder: Path
    state_file: Path | None = None
    """Where the simulator keeps its state, if not in the folder."""

    @property
    def config(self) -> Path:
        """The configuration for rotator."""
        return self.folder / "config.yaml"

    @property
    def state(self) -> Path:
        """The state that belongs to the folder: what was exported is worthless without its orgs."""
        return self.state_file or self.folder / "simulator-state.json"

    @property
    def store(self) -> Path:
        """The folder of the files store that the configuration names."""
        return self.folder / STORE_FOLDER

    def prepare(self) -> None:
        """Makes the folder. Raises ConfigurationError when it holds something that is no earlier export."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            foreign = any(self.folder.iterdir()) and not self._is_of_this_state()
        except OSError as error:
            raise self._refused(f"cannot be used: {error.strerror}") from None
        if foreign:
            raise self._refused("is not empty and holds no export of these simulated orgs")

    def _is_of_this_state(self) -> bool:
        return self.state.exists() and (self.state_file is None or (self.folder / "simulator.json").exists())

    def write(self, orgs: Sequence[Org], ca_pem: str, propagation_seconds: float) -> None:
        """Writes all files; a configuration that a person changed stays while it still names every org's address."""
        try:
            (self.folder / "keys").mkdir(mode=0o700, exist_ok=True)
            replace_file(self.folder / "ca.pem", ca_pem, 0o644)
            for org in orgs:
                for app in org.client_apps:
                    if app.private_key:
                        replace_file(self.folder / _key_file(org, app), app.private_key.pem().reveal())
            replace_file(self.folder / "simulator.json", json.dumps(self._index(orgs), indent=2) + "\n")
            if not self._config_is_right(orgs):
                replace_file(self.config, _HEADER + yaml.safe_dump(_config(orgs, propagation_seconds), sort_keys=False))
        except OSError as error:
            raise self._refused(f"cannot be written: {error.strerror}") from None

    def _config_is_right(self, orgs: Sequence[Org]) -> bool:
        if not self.config.exists():
            return False
        text = self.config.read_text()
        return all(f"{org.url}\n" in text for org in orgs)

    def _index(self, orgs: Sequence[Org]) -> dict[str, Any]:
        """simulator.json: everything by name, paths absolute, for scripts in any folder."""
        return {
            "orgs": [
                {
                    "name": org.name,
                    "url": org.url,
                    "ca": str(self.folder.resolve() / "ca.pem"),
                    "hosts": org.addresses.hosts,
                    "management": {**self._login(org, org.management), "password": _password(org)},
                    "apps": [{"name": app.name, "type": app.type, **self._login(org, app)} for app in org.client_apps],
                }
                for org in orgs
            ]
        }

    def _login(self, org: Org, app: ClientApp) -> dict[str, Any]:
        key = str(self.folder.resolve() / _key_file(org, app)) if app.private_key else None
        return {"client_id": app.client_id, "username": app.username, "private_key": key}

    def _refused(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"The folder {self.folder} {reason}.",
            effect="Nothing in it was changed and nothing was started.",
            hint="Give --export an empty folder, or one that `rotator simulator serve` exported before.",
        )


def _password(org: Org) -> str | None:
    """For logins over SOAP."""
    user = org.users.get(org.management.username or "")
    return user.password.reveal() if user and user.password else None


def _key_file(org: Org, app: ClientApp) -> str:
    name = "management" if app is org.management else app.name
    return f"keys/{org.name}-{name}.pem"


def _config(orgs: Sequence[Org], propagation_seconds: float) -> dict[str, Any]:
    by_name = {org.name: org for org in orgs}
    # Long enough to outlast the propagation time here; for Salesforce the defaults are right.
    verification = {"interval": "1s", "hold": f"{max(2, math.ceil(propagation_seconds))}s"}
    if math.ceil(propagation_seconds) >= _USUAL_TIMEOUT:
        verification["timeout"] = f"{2 * math.ceil(propagation_seconds)}s"
    return {
        "database": "sqlite:///rotator.db",
        "orgs": {org.name: _org(org) for org in orgs},
        "stores": {STORE: {"type": "files", "path": STORE_FOLDER}},
        "credentials": {
            managed.name: {
                "org": managed.org,
                "store": STORE,
                "username": username(by_name[managed.org], managed.user),
                "apps": list(managed.apps),
            }
            for managed in MANAGED
        },
        # Where nothing real is at stake nobody has to look first at what will be rotated.
        "daemon": {"first_rotations_after": "0s"},
        "rotation": {
            "rotate_before": "30d",
            "verification": verification,
        },
    }


def _org(org: Org) -> dict[str, Any]:
    management = org.management
    return {
        "login_url": org.url,
        "ca": "ca.pem",
        "login": {
            "client_id": management.client_id,
            "username": management.username,
            "private_key": {"file": _key_file(org, management)},
        },
    }
