"""A key is adopted only when its certificate is live on an app of the credential, and the org takes it."""

from __future__ import annotations

import pytest

from rotator.core.crypto.certificates import Certificate
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import CertificateError, LoginRefused, OrgError
from rotator.services.rotation.adopt import version_to_adopt
from rotator.testing.versions import spare_key
from tests.unit.services.bench import Bench


def test_the_version_is_of_the_app_whose_live_certificate_is_the_keys(pair: Bench) -> None:
    certificate = pair.version("Warehouse_B", key=spare_key(5)).certificate
    pair.live["Warehouse_B"] = certificate
    version = version_to_adopt(pair.credential_context, spare_key(5), pair.now())
    assert (version.app, version.client_id, version.certificate) == ("Warehouse_B", "key of Warehouse_B", certificate)
    assert version.is_whole
    assert version.username == "w@example.com"


def test_a_key_that_matches_no_live_certificate_is_refused(pair: Bench) -> None:
    with pytest.raises(CertificateError, match="does not match the live certificate of Warehouse_A or Warehouse_B"):
        version_to_adopt(pair.credential_context, spare_key(5), pair.now())


def test_a_certificate_that_no_login_can_use_is_named(one: Bench) -> None:
    rsa, pss = (bytes.fromhex(f"300d06092a864886f70d0101{end}") for end in ("010500", "0a3000"))
    own = one.current.certificate
    one.live["Billing"] = Certificate.parse(own.der.replace(rsa, pss))
    with pytest.raises(CertificateError, match="Billing holds a certificate whose key is RSA-PSS") as caught:
        version_to_adopt(one.credential_context, one.current.private_key, one.now())
    assert "rotator enroll" in caught.value.hint


def test_a_key_that_the_org_refuses_is_refused_with_its_words(one: Bench) -> None:
    one.refuses = lambda _: LoginAnswer(LoginOutcome.CONFIGURATION, "user hasn't approved this consumer", "Approve.")
    with pytest.raises(LoginRefused, match="user hasn't approved this consumer") as caught:
        version_to_adopt(one.credential_context, one.current.private_key, one.now())
    assert caught.value.hint == "Approve."


def test_an_app_that_is_not_there_is_named(one: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bench, "read", lambda *_: None)
    with pytest.raises(OrgError, match="shows no connected app Billing"):
        version_to_adopt(one.credential_context, spare_key(5), one.now())
