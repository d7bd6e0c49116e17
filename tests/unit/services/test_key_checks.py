"""A certificate that is live is not all that a login takes."""

from __future__ import annotations

import pytest

from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import Kind
from rotator.errors import OrgError
from rotator.salesforce.apps.app import App
from rotator.services.key_checks import check_key
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
