"""What the Metadata API can change in an org, as it is now, to go back to: writes checked only, or rolled back."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from rotator.simulator.org.apps import ClientApp
from rotator.simulator.org.external_apps import ExternalApp

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.simulator.org.org import Org


def snapshot(org: Org) -> Callable[[], None]:
    """Gives what restores the org. Components are never changed in place, so copies of what holds them do."""
    by_name = (org.apps, org.external_apps, org.identity_providers, org.permission_sets, org.features)
    held: list[tuple[dict[str, Any], dict[str, Any]]] = [(each, dict(each)) for each in by_name]
    certificates = list(org.certificates)
    held_by = (*org.identity_providers.values(), *org.permission_sets.values(), *org.certificates)
    undo = [_undo(each) for each in (*org.client_apps, *held_by)]

    def restore() -> None:
        for now, before in held:
            now.clear()
            now.update(before)
        org.certificates[:] = certificates
        for step in undo:
            step()

    return restore


def _undo(holder: Any) -> Callable[[], None]:
    fields, changes = dict(vars(holder)), list(holder.slot.changes) if isinstance(holder, ClientApp) else []
    if isinstance(holder, ExternalApp):
        fields["consumer"] = copy(holder.consumer)
        fields["satellites"] = {type_name: copy(each) for type_name, each in holder.satellites.items()}

    def restore() -> None:
        vars(holder).update(fields)
        if isinstance(holder, ClientApp):
            holder.slot.changes[:] = changes

    return restore
