"""The apps of an org as they are now, to go back to: writes that are checked only, or rolled back."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from rotator.simulator.org.external_apps import ExternalApp

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.org import Org


def snapshot(org: Org) -> Callable[[], None]:
    """Gives what restores the apps. Components are never changed in place, so copies of what holds them do."""
    apps, external_apps = dict(org.apps), dict(org.external_apps)
    undo = [_undo(app) for app in org.client_apps]

    def restore() -> None:
        org.apps.clear()
        org.apps.update(apps)
        org.external_apps.clear()
        org.external_apps.update(external_apps)
        for step in undo:
            step()

    return restore


def _undo(app: ClientApp) -> Callable[[], None]:
    fields, changes = dict(vars(app)), list(app.slot.changes)
    if isinstance(app, ExternalApp):
        fields["consumer"] = copy(app.consumer)
        fields["satellites"] = {type_name: copy(each) for type_name, each in app.satellites.items()}

    def restore() -> None:
        vars(app).update(fields)
        app.slot.changes[:] = changes

    return restore
