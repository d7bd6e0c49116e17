"""Who changes components, how, and what came of it: the same for CRUD calls and for deployments."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from rotator.simulator.org.components import ComponentError, Merge

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.components import Component, Order
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.users import User

Mode = Literal["update", "create", "upsert"]

_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9._]{8,256}")
"""What a consumer key or secret may be that its maker chooses (Metadata API, ConnectedApp)."""


@dataclass(frozen=True)
class Author:
    """One user's write of components, at one API version and time."""

    org: Org
    user: User
    version: int
    at: datetime
    is_deployment: bool = False
    ignores_warnings: bool = False
    lose_certificate: bool = False
    """Fault: the write succeeds and the certificate is dropped, as one release's Setup did."""
    touched: list[ClientApp] = field(default_factory=list)
    """The apps that were written."""
    blocked: list[ClientApp] = field(default_factory=list)
    """The apps whose session policy became to block."""

    @property
    def merge(self) -> Merge:
        """How what is given changes what is there."""
        return Merge(self.org.settings, self.version)

    @property
    def order(self) -> Order:
        """What becomes of elements out of the WSDL's order."""
        settings = self.org.settings
        return settings.out_of_order_in_files if self.is_deployment else settings.out_of_order_elements

    def touch(self, app: ClientApp, *, was_blocking: bool) -> None:
        """An app was written."""
        self.touched.append(app)
        if app.blocks_sessions and not was_blocking:
            self.blocked.append(app)

    def finish(self) -> None:
        """The writes hold: sessions end of apps that block now, and of all that changed where the org does so."""
        for app in self.touched if self.org.settings.sessions_end_with_change else self.blocked:
            self.org.sessions.end_of(app.id)


@dataclass(frozen=True)
class Outcome:
    """What a write of one component came to."""

    id: str
    created: bool = False
    changed: bool = True


class WarningError(ComponentError):
    """A write that goes through only where warnings are ignored."""


def not_found(type_name: str, name: str) -> ComponentError:
    """The refusal of a write to a component that is not there."""
    return ComponentError("INVALID_CROSS_REFERENCE_KEY", f"no {type_name} named {name} found")


def already_there() -> ComponentError:
    """The refusal of a component whose name is taken."""
    return ComponentError("DUPLICATE_DEVELOPER_NAME", "duplicate value found", "fullName")


def check_new_consumer(org: Org, given: Component) -> None:
    """Raises ComponentError for a consumer key or secret that no new app may have."""
    for name in ("consumerKey", "consumerSecret"):
        if given.get(name) and not _CREDENTIAL.fullmatch(given[name]):
            raise ComponentError("FIELD_INTEGRITY_EXCEPTION", f"{name} has 8 to 256 letters and digits", name)
    if given.get("consumerKey") and not org.takes_key(given["consumerKey"]):
        raise ComponentError("FIELD_INTEGRITY_EXCEPTION", "The consumer key is already taken", "consumerKey")
