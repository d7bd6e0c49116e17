"""What apps of several orgs hold just now: the orgs side by side, and of each ten apps in a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from rotator.core.observed import ObservedCertificate
from rotator.errors import RotatorError
from rotator.services.inventory.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from rotator.salesforce.apps.app import App
    from rotator.salesforce.apps.org_apps import OrgApps
    from rotator.salesforce.session import OrgSession


ReadApp = Callable[[str, str], ObservedCertificate | None]
"""What the app of an org and a name holds; None where it is missing. It raises why it cannot be read."""


class OrgAdapters(Protocol):
    """Sessions and connections of one thread."""

    def org_session(self, name: str) -> OrgSession:
        """The program's own login to an org."""
        ...

    def apps(self, org: str) -> OrgApps:
        """The apps of an org."""
        ...


def live_apps(
    wanted: Iterable[tuple[str, str]], open_adapters: Callable[[], AbstractContextManager[OrgAdapters]]
) -> ReadApp:
    """Reads these apps, each an org and a full name."""
    apps: dict[str, dict[str, None]] = {}
    for org, name in wanted:
        apps.setdefault(org, {})[name] = None

    def read(org: str) -> Mapping[str, App | RotatorError | None]:
        names = [*apps[org]]
        try:
            with open_adapters() as adapters:
                adapters.org_session(org).ensure_open()
                apps_of_org = adapters.apps(org)
                read_now = zip(names, apps_of_org.read_each(names), strict=True)
                return {name: app or _why_absent(apps_of_org, name) for name, app in read_now}
        except RotatorError as error:
            return dict.fromkeys(names, error)

    found = dict(zip(apps, side_by_side(read, [*apps]), strict=True))

    return lambda org, name: held(org, name, found[org][name])


def _why_absent(apps: OrgApps, name: str) -> RotatorError:
    """Why an app is not shown, or why that cannot be asked."""
    try:
        return apps.absent(name)
    except RotatorError as error:
        return error


def held(org: str, name: str, app: App | RotatorError | None) -> ObservedCertificate | None:
    """What was read of an app, or why it could not be. Raises that."""
    if isinstance(app, RotatorError):
        raise app
    if app is None:
        return None
    return ObservedCertificate(org=org, app=name, type=app.kind, client_id=app.client_id).holding(app.certificate)
