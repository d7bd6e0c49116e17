"""A key is adopted only when its certificate is live on an app of the credential, and the org takes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.credentials import Stages
from rotator.core.crypto.certificates import Certificate
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import CertificateError, ConfigurationError, LoginRefused, OrgError, RotationHalted
from rotator.services.rotation.adopt import refuse_revoked_key, version_to_adopt
from rotator.testing.versions import spare_key
from tests.unit.services.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.salesforce.apps.app import App

UNCHANGED = "Nothing was stored or changed."


def test_the_version_is_of_the_app_whose_live_certificate_is_the_keys(pair: Bench) -> None:
    certificate = pair.version("Warehouse_B", key=spare_key(5)).certificate
    pair.live["Warehouse_B"] = certificate
    version = version_to_adopt(pair.credential_context, spare_key(5), pair.now())
    assert (version.app, version.client_id, version.certificate) == ("Warehouse_B", "key of Warehouse_B", certificate)
    assert version.is_whole
    assert version.username == "w@example.com"


def test_a_key_that_matches_no_live_certificate_is_refused(pair: Bench) -> None:
    with pytest.raises(
        CertificateError, match="does not match the live certificate of Warehouse_A or Warehouse_B"
    ) as caught:
        version_to_adopt(pair.credential_context, spare_key(5), pair.now())
    assert caught.value.effect == UNCHANGED
    assert caught.value.hint.startswith("Give the key whose certificate is uploaded there")


def test_of_apps_without_a_certificate_nobody_is_told_that_a_key_does_not_match(pair: Bench) -> None:
    pair.live = dict.fromkeys(pair.live)
    with pytest.raises(CertificateError, match=r"^No certificate is on Warehouse_A or Warehouse_B in ") as caught:
        version_to_adopt(pair.credential_context, spare_key(5), pair.now())
    assert caught.value.effect == UNCHANGED
    assert "`rotator enroll " in caught.value.hint


def test_a_certificate_that_no_login_can_use_is_named(one: Bench) -> None:
    rsa, pss = (bytes.fromhex(f"300d06092a864886f70d0101{end}") for end in ("010500", "0a3000"))
    own = one.current.certificate
    one.live["Billing"] = Certificate.parse(own.der.replace(rsa, pss))
    with pytest.raises(CertificateError, match="Billing holds a certificate whose key is RSA-PSS") as caught:
        version_to_adopt(one.credential_context, one.current.private_key, one.now())
    assert "rotator enroll" in caught.value.hint
    assert caught.value.effect == UNCHANGED


def test_a_key_that_the_org_refuses_is_refused_with_its_words(one: Bench) -> None:
    one.refuses = lambda _: LoginAnswer(LoginOutcome.CONFIGURATION, "user hasn't approved this consumer", "Approve.")
    with pytest.raises(LoginRefused, match="user hasn't approved this consumer") as caught:
        version_to_adopt(one.credential_context, one.current.private_key, one.now())
    assert (caught.value.effect, caught.value.hint) == (UNCHANGED, "Approve.")


def test_a_key_that_matches_and_is_called_wrong_may_be_of_a_user_whom_the_org_does_not_know(one: Bench) -> None:
    one.refuses = lambda _version: LoginAnswer(LoginOutcome.MISMATCH, "invalid_grant: invalid assertion")
    with pytest.raises(LoginRefused, match="The key matches the certificate of Billing, but") as caught:
        version_to_adopt(one.credential_context, one.current.private_key, one.now())
    assert "is a user of production" in caught.value.hint
    assert "does not match" not in caught.value.hint


def test_an_app_that_is_not_there_is_named(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "read", lambda *_: None)
    with pytest.raises(OrgError, match="has no app Billing"):
        version_to_adopt(one.credential_context, spare_key(5), one.now())


def test_where_the_org_hides_the_certificate_it_is_asked_for(one: Bench) -> None:
    one.hiding = {"Billing"}
    with pytest.raises(CertificateError, match="does not show the certificate of Billing") as caught:
        version_to_adopt(one.credential_context, one.current.private_key, one.now())
    assert "--certificate FILE" in caught.value.hint
    assert caught.value.effect == UNCHANGED


def test_a_hidden_certificate_that_is_given_is_that_of_the_app_through_which_the_key_logs_in(pair: Bench) -> None:
    pair.hiding = {"Warehouse_A", "Warehouse_B"}
    certificate = pair.version("Warehouse_B", key=spare_key(5)).certificate
    pair.live["Warehouse_B"] = certificate
    version = version_to_adopt(pair.credential_context, spare_key(5), pair.now(), certificate)
    assert (version.app, version.certificate) == ("Warehouse_B", certificate)


def test_a_hidden_certificate_whose_key_does_not_log_in_is_not_adopted(one: Bench) -> None:
    one.hiding = {"Billing"}
    certificate = one.version("Billing", key=spare_key(5)).certificate
    with pytest.raises(LoginRefused, match="does not succeed") as caught:
        version_to_adopt(one.credential_context, spare_key(5), one.now(), certificate)
    assert "The key matches the certificate that is given, which Billing may hold, but" in caught.value.message
    assert "is a user of" not in caught.value.hint, "the certificate may be of another app"


def test_a_certificate_over_another_key_is_refused(one: Bench) -> None:
    with pytest.raises(CertificateError, match="does not match the certificate that is given with it") as caught:
        version_to_adopt(one.credential_context, spare_key(5), one.now(), one.current.certificate)
    assert caught.value.effect == UNCHANGED
    assert caught.value.hint == "Give the certificate that was uploaded for this key."


def test_an_app_whose_consumer_key_is_not_shown_is_not_adopted(one: Bench) -> None:
    one.client_ids["Billing"] = ""
    with pytest.raises(OrgError, match="does not show the consumer key of the app Billing"):
        version_to_adopt(one.credential_context, one.current.private_key, one.now())


@pytest.mark.parametrize("host", ["login.salesforce.com", "test.salesforce.com"])
def test_an_external_client_app_at_a_login_host_of_all_orgs_is_told_where_it_logs_in(one: Bench, host: str) -> None:
    one.hiding = {"Billing"}
    found = one.credential_context
    reads: list[object] = []

    class Reading:
        def read_all(self, names: Sequence[str]) -> list[App | None]:
            reads.append(names)
            return one.read_all(names)

    context = replace(
        found,
        apps=cast("Any", Reading()),
        org=found.org.model_copy(update={"login_url": f"https://{host}"}),
    )
    with pytest.raises(
        ConfigurationError, match=f"takes no logins by way of {host}, and `login_url` says so"
    ) as caught:
        version_to_adopt(context, spare_key(5), one.now())
    assert "My Domain" in caught.value.hint
    assert len(reads) == 1


@pytest.mark.parametrize("hides", [False, True])
def test_while_its_user_is_shut_out_no_login_is_asked_for(one: Bench, *, hides: bool) -> None:
    """The run that adopts it gives the access back, and then has it proven."""
    one.refuses = lambda _: pytest.fail("no login can succeed")
    one.hiding = {"Billing"} if hides else set()
    current = one.current
    found = version_to_adopt(
        one.credential_context, current.private_key, one.now(), current.certificate if hides else None, is_shut_out=True
    )
    assert (found.app, found.certificate) == ("Billing", current.certificate)


def test_of_two_apps_that_hide_their_certificates_none_is_guessed_while_its_user_is_shut_out(pair: Bench) -> None:
    pair.hiding = {"Warehouse_A", "Warehouse_B"}
    current = pair.current
    with pytest.raises(CertificateError, match="Warehouse_A and Warehouse_B do not show their certificates") as caught:
        version_to_adopt(
            pair.credential_context, current.private_key, pair.now(), current.certificate, is_shut_out=True
        )
    assert "the user of warehouse has no access" in caught.value.message
    assert caught.value.effect == UNCHANGED
    assert "`rotator revoke --undo warehouse`" in caught.value.hint


def test_a_key_that_a_revoked_credential_had_does_not_bring_it_back(one: Bench) -> None:
    own = one.current
    over_it_again = replace(one.version("Billing", key=own.private_key), app="Billing")
    for version in (own, over_it_again):
        with pytest.raises(RotationHalted, match="billing was revoked, and this is a key that it had then") as caught:
            refuse_revoked_key(one.credential_context, version, None)
        assert caught.value.effect == UNCHANGED
        assert caught.value.hint.startswith("Make another key pair, upload its certificate to the app in Setup")
        assert "`rotate now billing`" in caught.value.hint
    another = one.version("Billing", key=spare_key(9))
    refuse_revoked_key(one.credential_context, another, own.fingerprint)


def test_a_client_secret_that_was_revoked_is_brought_back_with_another(one: Bench) -> None:
    of_a_secret = replace(one.credential_context, secrets=cast("Any", object()))
    with pytest.raises(RotationHalted) as caught:
        refuse_revoked_key(of_a_secret, one.current, None)
    assert caught.value.hint == "`rotate now billing` brings it back with another."


def test_nor_does_the_one_that_was_current_last_where_the_store_holds_nothing_any_more(one: Bench) -> None:
    own = one.current
    one.store.staged = Stages()
    refuse_revoked_key(one.credential_context, own, None)
    with pytest.raises(RotationHalted, match="this is a key that it had then"):
        refuse_revoked_key(one.credential_context, own, own.fingerprint)
