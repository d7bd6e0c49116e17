"""The inventory shows everything in an org that holds a certificate, managed or not, readable or not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.observed import Kind
from rotator.errors import LoginRefused, OrgUnavailable
from rotator.salesforce.inventory.org_inventory import inventory
from rotator.salesforce.metadata import MetadataService
from rotator.simulator.wire.answers import html_answer, json_answer, rest_error
from rotator.simulator.wire.faults import Effect, Fault
from rotator.simulator.wire.faults import Kind as Call
from tests.session_proof import prove_alive

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.observed import ObservedCertificate
    from rotator.salesforce.inventory.org_inventory import Inventory
    from rotator.salesforce.session import OrgSession
    from rotator.simulator.org.org import Org


def test_every_app_is_there_with_its_certificate(
    production: Org, open_session: Callable[..., OrgSession], pair: Any, other_pair: Any
) -> None:
    production.add_app("Old", certificate=other_pair.certificate)
    production.add_app("Empty")
    entries = {entry.app: entry for entry in inventory(open_session(production)).entries}
    assert list(entries) == ["Billing", "Empty", "Old", "Rotator"]
    assert entries["Billing"].fingerprint == pair.certificate.fingerprint
    assert entries["Old"].fingerprint == other_pair.certificate.fingerprint
    assert entries["Empty"].not_after is None
    assert entries["Empty"].is_readable
    billing = entries["Billing"]
    assert (billing.org, billing.type) == ("production", "ConnectedApp")
    assert billing.client_id == production.app("Billing").client_id
    assert billing.last_modified_at
    assert billing.last_modified_at.tzinfo is not None


def test_an_app_that_cannot_be_read_is_still_shown(
    production: Org, open_session: Callable[..., OrgSession], metadata_of: Callable[[OrgSession], MetadataService]
) -> None:
    session = open_session(production)
    metadata = metadata_of(session)
    read = metadata.read

    def hiding(kind: str, names: list[str], **_options: int) -> list[Any]:
        return [None if name == "Billing" else read(kind, [name])[0] for name in names]

    metadata.read = hiding  # type: ignore[method-assign,assignment] # an org that hides one app
    hidden, shown = inventory(session, metadata).entries
    assert (hidden.app, hidden.is_readable, hidden.fingerprint) == ("Billing", False, "")
    assert shown.is_readable


def test_an_app_whose_certificate_is_none_does_not_hide_the_others(
    production: Org, open_session: Callable[..., OrgSession]
) -> None:
    production.app("Billing").component["oauthConfig"]["certificate"] = "bm90aGluZw=="
    production.app("Billing").slot.put(None, production.clock())
    damaged, sound = inventory(open_session(production)).entries
    assert not damaged.is_readable
    assert sound.fingerprint


def test_an_org_with_many_apps_is_read_in_few_calls(production: Org, open_session: Callable[..., OrgSession]) -> None:
    for number in range(43):
        production.add_app(f"App_{number:02}")
    assert len(inventory(open_session(production)).entries) == 45
    assert production.calls[Call.SOAP_LIST] == 2
    assert production.calls[Call.SOAP_READ] == 5


def test_an_org_that_is_away_has_no_inventory(
    production: Org, open_session: Callable[..., OrgSession], metadata_of: Callable[[OrgSession], MetadataService]
) -> None:
    production.faults.add(Fault(Call.SOAP_LIST, Effect.FAIL, times=None))
    session = open_session(production)
    with pytest.raises(OrgUnavailable):
        inventory(session, metadata_of(session))


class TestOtherCertificates:
    def test_of_the_orgs_own_names_dates_sizes_and_uses_are_known(
        self, production: Org, open_session: Callable[..., OrgSession], pair: Any
    ) -> None:
        signing = production.add_certificate("Signing", datetime(2027, 3, 1, 12, tzinfo=UTC), key_bits=4096)
        production.add_certificate("Portal", datetime(2027, 4, 1, 23, 59, 59, tzinfo=UTC), ca_signed=True)
        production.add_identity_provider("Login", pair.certificate, requestSigningCertId=signing.id)
        found = named(inventory(open_session(production)))
        assert found["Signing"].kind is Kind.CERTIFICATE
        assert found["Signing"].fingerprint == ""
        assert (found["Signing"].not_after, found["Signing"].key_bits) == (signing.expires_at, 4096)
        assert found["Signing"].used_by == ("SAML requests to Login",)
        assert found["Signing"].last_modified_by == production.users["robot@rotator.example"].name
        assert found["Portal"].not_after == datetime(2027, 4, 1, tzinfo=UTC)

    def test_of_an_identity_provider_the_certificate_itself_is_known(
        self, production: Org, open_session: Callable[..., OrgSession], other_pair: Any
    ) -> None:
        production.add_identity_provider("Login", other_pair.certificate)
        login = named(inventory(open_session(production)))["Login"]
        assert (login.kind, login.fingerprint) == (Kind.IDENTITY_PROVIDER, other_pair.certificate.fingerprint)
        assert login.not_after == other_pair.certificate.not_after

    def test_an_app_may_hold_a_second_certificate_for_saml(
        self, production: Org, open_session: Callable[..., OrgSession], pair: Any, other_pair: Any
    ) -> None:
        production.add_certificate("Portal_Encryption", datetime(2027, 3, 1, 12, tzinfo=UTC))
        production.app("Billing").component["samlConfig"] = {
            "acsUrl": "https://billing.example/acs",
            "certificate": other_pair.certificate.base64,
            "encryptionCertificate": "Portal_Encryption",
            "entityUrl": "https://billing.example",
            "samlSubjectType": "Username",
        }
        entries = inventory(open_session(production)).entries
        held = {entry.kind: entry.fingerprint for entry in entries if entry.app == "Billing"}
        assert held == {Kind.APP: pair.certificate.fingerprint, Kind.APP_SAML: other_pair.certificate.fingerprint}
        encryption = next(entry for entry in entries if entry.app == "Portal_Encryption")
        assert encryption.used_by == ("SAML encryption for the app Billing",)

    def test_a_certificate_that_was_deleted_is_left_out_and_its_successor_is_not(
        self, production: Org, open_session: Callable[..., OrgSession]
    ) -> None:
        old = datetime(2026, 1, 1, 12, tzinfo=UTC)
        for name in ("Renewed", "Gone"):
            production.add_certificate(name, old)
            production.delete_certificate(name)
        production.certificates[0].created_at -= timedelta(days=400)
        new = production.add_certificate("Renewed", datetime(2027, 3, 1, 12, tzinfo=UTC))
        # The org tells its rows in no order that could be relied on.
        production.certificates.reverse()
        found = named(inventory(open_session(production)))
        assert "Gone" not in found
        assert found["Renewed"].not_after == new.expires_at

    def test_one_that_waits_for_its_authority_is_not_usable(
        self, production: Org, open_session: Callable[..., OrgSession]
    ) -> None:
        production.add_certificate("Requested", None, ca_signed=True, unusable=True)
        requested = named(inventory(open_session(production)))["Requested"]
        assert (requested.is_usable, requested.not_after, requested.is_readable) == (False, None, True)

    def test_the_year_9999_is_a_year_like_any_other(
        self, production: Org, open_session: Callable[..., OrgSession]
    ) -> None:
        production.add_certificate("Imported", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
        assert named(inventory(open_session(production)))["Imported"].not_after == datetime(
            9999, 12, 31, 12, tzinfo=UTC
        )

    def test_one_of_a_package_is_found_though_its_name_is_listed_with_a_namespace(
        self,
        production: Org,
        open_session: Callable[..., OrgSession],
        metadata_of: Callable[[OrgSession], MetadataService],
    ) -> None:
        production.add_certificate("Signing", datetime(2027, 3, 1, 12, tzinfo=UTC))
        session = open_session(production)
        metadata = metadata_of(session)
        listed = metadata.list_components
        metadata.list_components = lambda *kinds, **_options: [  # type: ignore[method-assign] # an org with a package
            each._replace(full_name=f"pkg__{each.full_name}") if each.metadata_type == "Certificate" else each
            for each in listed(*kinds)
        ]
        assert named(inventory(session, metadata))["pkg__Signing"].not_after == datetime(2027, 3, 1, 12, tzinfo=UTC)

    def test_what_is_listed_and_not_told_of_is_unreadable(
        self, production: Org, open_session: Callable[..., OrgSession], pair: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        production.add_certificate("Signing", datetime(2027, 3, 1, 12, tzinfo=UTC))
        provider = production.add_identity_provider("Login", pair.certificate)
        provider.component["validationCert"] = "bm90aGluZw=="
        session = open_session(production)
        metadata = MetadataService(session)
        monkeypatch.setattr(metadata, "query", lambda _: [])
        found = named(inventory(session, metadata))
        assert not found["Signing"].is_readable
        assert not found["Login"].is_readable

    def test_everything_is_listed_in_two_calls(self, production: Org, open_session: Callable[..., OrgSession]) -> None:
        """Five types, and three in a call."""
        inventory(open_session(production))
        assert production.calls[Call.SOAP_LIST] == 2
        assert production.calls[Call.TOOLING] == 0

    @pytest.mark.parametrize("code", ["INVALID_TYPE", "INSUFFICIENT_ACCESS"])
    @pytest.mark.parametrize(
        ("kind", "permission"),
        [(Kind.CERTIFICATE, "View Setup and Configuration"), (Kind.IDENTITY_PROVIDER, "Customize Application")],
    )
    def test_what_the_user_may_not_see_hides_nothing_else_and_names_the_permission(
        self,
        production: Org,
        open_session: Callable[..., OrgSession],
        pair: Any,
        kind: Kind,
        permission: str,
        code: str,
    ) -> None:
        production.add_certificate("Signing", datetime(2027, 3, 1, 12, tzinfo=UTC))
        production.add_identity_provider("Login", pair.certificate)
        production.settings = replace(production.settings, hidden_types=(kind,), hidden_type_code=code)
        found = inventory(open_session(production))
        assert {entry.kind for entry in found.entries} == {*Kind} - {
            kind,
            Kind.APP_SAML,
            Kind.EXTERNAL_APP,
            Kind.CLIENT_SECRET,
        }
        [unread] = found.unread
        assert unread.kind is kind
        assert permission in unread.error.hint
        assert "The org production does not show its" in unread.error.message
        assert not unread.error.transient

    def test_a_tooling_api_that_is_closed_hides_nothing_else(
        self,
        production: Org,
        open_session: Callable[..., OrgSession],
    ) -> None:
        production.add_certificate("Signing", datetime(2027, 3, 1, 12, tzinfo=UTC))
        closed = rest_error(403, "INSUFFICIENT_ACCESS", "insufficient access rights")
        production.faults.add(Fault(Call.TOOLING, Effect.FAIL, answer=closed, times=None))
        found = inventory(open_session(production))
        assert [unread.kind for unread in found.unread] == [Kind.CERTIFICATE]
        assert "Signing" not in named(found)

    def test_a_tooling_api_that_is_away_for_long_hides_nothing_else(
        self,
        production: Org,
        open_session: Callable[..., OrgSession],
        metadata_of: Callable[[OrgSession], MetadataService],
    ) -> None:
        production.add_certificate("Signing", datetime(2027, 3, 1, 12, tzinfo=UTC))
        production.faults.add(Fault(Call.TOOLING, Effect.FAIL, times=None))
        session = open_session(production)
        [unread] = inventory(session, metadata_of(session)).unread
        assert isinstance(unread.error, OrgUnavailable)
        assert "HTTP 503" in unread.error.message

    def test_a_tooling_api_that_is_away_for_a_moment_is_asked_again(
        self,
        production: Org,
        open_session: Callable[..., OrgSession],
        metadata_of: Callable[[OrgSession], MetadataService],
        pauses: list[float],
    ) -> None:
        production.add_certificate("Signing", datetime(2027, 3, 1, 12, tzinfo=UTC))
        production.faults.add(Fault(Call.TOOLING, Effect.FAIL, times=2))
        session = open_session(production)
        assert "Signing" in named(inventory(session, metadata_of(session)))
        assert len(pauses) == 2

    def test_a_session_that_ends_meanwhile_is_renewed(
        self, production: Org, open_session: Callable[..., OrgSession]
    ) -> None:
        production.add_certificate("Signing", datetime(2027, 3, 1, 12, tzinfo=UTC))
        production.faults.add(Fault(Call.TOOLING, Effect.FAIL, answer="invalid_session"))
        assert "Signing" in named(inventory(open_session(production)))
        assert production.calls[Call.TOKEN] == 2

    def test_an_answer_that_is_not_the_tooling_apis_is_said_to_be_none(
        self,
        production: Org,
        open_session: Callable[..., OrgSession],
        metadata_of: Callable[[OrgSession], MetadataService],
    ) -> None:
        production.add_certificate("Signing", datetime(2027, 3, 1, 12, tzinfo=UTC))
        session = open_session(production)
        for answer, told in (
            (html_answer(200, "<html>Sign in</html>"), "does not answer like the Tooling API"),
            (json_answer(200, {"rows": []}), "does not answer like the Tooling API"),
            (json_answer(404, "nothing here"), "has no Tooling API at its address (HTTP 404)"),
        ):
            production.faults.clear()
            production.faults.add(Fault(Call.TOOLING, Effect.FAIL, times=None, answer=answer))
            [unread] = inventory(session, metadata_of(session)).unread
            assert told in unread.error.message

    def test_many_come_in_several_answers(self, production: Org, open_session: Callable[..., OrgSession]) -> None:
        production.settings = replace(production.settings, query_batch=2)
        for number in range(5):
            production.add_certificate(f"Signing_{number}", datetime(2027, 3, 1, 12, tzinfo=UTC))
        found = inventory(open_session(production))
        assert sum(entry.not_after is not None for entry in found.entries if entry.kind is Kind.CERTIFICATE) == 5

    def test_a_login_that_is_refused_meanwhile_is_no_missing_permission(
        self, production: Org, open_session: Callable[..., OrgSession]
    ) -> None:
        production.add_certificate("Signing", datetime(2027, 3, 1, 12, tzinfo=UTC))
        session = open_session(production)
        prove_alive(session)
        production.faults.add(
            Fault(Call.TOOLING, Effect.FAIL, answer="invalid_session"),
            Fault(Call.TOKEN, Effect.FAIL, times=None, answer="invalid_assertion"),
        )
        with pytest.raises(LoginRefused):
            inventory(session)


def named(found: Inventory) -> dict[str, ObservedCertificate]:
    """The entries by name."""
    return {entry.app: entry for entry in found.entries}
