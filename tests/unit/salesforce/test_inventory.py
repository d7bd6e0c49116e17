"""The inventory shows every app of an org, managed or not, readable or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rotator.errors import OrgUnavailable
from rotator.salesforce.inventory import inventory
from rotator.simulator.faults import Effect, Fault, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.salesforce.metadata import MetadataService
    from rotator.salesforce.session import OrgSession
    from rotator.simulator.org import Org


def test_every_app_is_there_with_its_certificate(
    production: Org, open_session: Callable[..., OrgSession], pair: Any, other_pair: Any
) -> None:
    production.add_app("Old", certificate=other_pair.certificate)
    production.add_app("Empty")
    entries = {entry.name: entry for entry in inventory(open_session(production)).entries}
    assert list(entries) == ["Billing", "Empty", "Old", "Rotator"]
    assert entries["Billing"].certificate == pair.certificate
    assert entries["Old"].certificate == other_pair.certificate
    assert entries["Empty"].certificate is None
    assert not entries["Empty"].unreadable
    billing = entries["Billing"]
    assert (billing.org, billing.kind) == ("production", "ConnectedApp")
    assert billing.client_id == production.app("Billing").client_id
    assert billing.last_modified_at
    assert billing.last_modified_at.tzinfo is not None


def test_an_app_that_cannot_be_read_is_still_shown(
    production: Org, open_session: Callable[..., OrgSession], metadata_of: Callable[[OrgSession], MetadataService]
) -> None:
    session = open_session(production)
    metadata = metadata_of(session)
    read = metadata.read
    metadata.read = lambda kind, names: [  # type: ignore[method-assign,assignment] # an org that hides one app
        None if name == "Billing" else read(kind, [name])[0] for name in names
    ]
    hidden, shown = inventory(session, metadata).entries
    assert (hidden.name, hidden.unreadable, hidden.certificate) == ("Billing", True, None)
    assert not shown.unreadable


def test_an_app_whose_certificate_is_none_does_not_hide_the_others(
    production: Org, open_session: Callable[..., OrgSession]
) -> None:
    production.app("Billing").component["oauthConfig"]["certificate"] = "bm90aGluZw=="
    production.app("Billing").slot.put(None, production.clock())
    damaged, sound = inventory(open_session(production)).entries
    assert damaged.unreadable
    assert sound.certificate is not None


def test_an_org_with_many_apps_is_read_in_few_calls(production: Org, open_session: Callable[..., OrgSession]) -> None:
    for number in range(43):
        production.add_app(f"App_{number:02}")
    assert len(inventory(open_session(production)).entries) == 45
    assert production.calls[Kind.SOAP_LIST] == 1
    assert production.calls[Kind.SOAP_READ] == 5


def test_an_org_that_is_away_has_no_inventory(
    production: Org, open_session: Callable[..., OrgSession], metadata_of: Callable[[OrgSession], MetadataService]
) -> None:
    production.faults.add(Fault(Kind.SOAP_LIST, Effect.FAIL, times=None))
    session = open_session(production)
    with pytest.raises(OrgUnavailable):
        inventory(session, metadata_of(session))
