"""A certificate that is live is not all that a login takes."""

from __future__ import annotations

import pytest

from rotator.core import words
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import Kind
from rotator.errors import OrgError
from rotator.salesforce.apps.app import App
from rotator.services.credential_checks import check_key
from rotator.testing.versions import make_version

ACCEPTED = LoginAnswer(LoginOutcome.ACCEPTED)


@pytest.mark.parametrize("hides", [False, True])
@pytest.mark.parametrize("client_id", ["of a new app", ""])
def test_a_version_with_another_consumer_key_than_its_app_fails(client_id: str, *, hides: bool) -> None:
    """Who logs in with what is stored is refused, or will be; where an org does not show the key, nobody can tell."""
    version = make_version()
    app = App(
        Kind.EXTERNAL_APP, version.app, client_id, None if hides else version.certificate, None, hides_certificate=hides
    )
    if not client_id:
        assert check_key("billing", version, app, lambda _: ACCEPTED)
        return
    with pytest.raises(OrgError, match="another consumer key") as caught:
        check_key("billing", version, app, lambda _: ACCEPTED)
    hint = "`rotate now billing` makes a version with the consumer key that the app has."
    also = " Where the org takes the old one no more, that wants `--replace-unknown`, too."
    assert caught.value.hint == hint + (also if hides else "")


def test_another_certificate_that_is_live_is_named_beside_the_current_one() -> None:
    version, other = make_version(), make_version().certificate
    for held, said in ((other, f"the certificate {words.short(other.fingerprint)}"), (None, "no certificate")):
        app = App(Kind.APP, version.app, version.client_id, held, None)
        with pytest.raises(OrgError) as caught:
            check_key("billing", version, app, lambda _: ACCEPTED)
        assert caught.value.message == (
            f"The app Billing holds {said}, not the current version {words.short(version.fingerprint)}."
        )


def test_why_a_login_does_not_succeed_comes_with_what_to_do() -> None:
    version = make_version()
    app = App(Kind.EXTERNAL_APP, version.app, "", None, None, hides_certificate=True)
    refused = LoginAnswer(LoginOutcome.CONFIGURATION, "the user is not approved", "Approve the user.")
    with pytest.raises(OrgError, match="does not succeed: the user is not approved") as caught:
        check_key("billing", version, app, lambda _: refused)
    assert caught.value.hint == "Approve the user."
