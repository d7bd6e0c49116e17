"""What `rotator check` asks of a key pair: whether the current version is what its app lets in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core import words
from rotator.core.logins import LoginOutcome
from rotator.errors import OrgError
from rotator.services.inventory.remarks import of_other_consumer_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.credentials import KeyVersion
    from rotator.core.logins import LoginAnswer
    from rotator.salesforce.apps.app import App


def check_key(name: str, version: KeyVersion, app: App | None, prove: Callable[[KeyVersion], LoginAnswer]) -> str:
    """Compares the current version of credential `name` with its app, None for one that is missing.

    Where the org does not show what the app holds, a login says whether it is the current version. Raises OrgError.
    """
    if app and app.client_id not in {"", version.client_id}:
        remark = of_other_consumer_key(name, version.app, is_hidden=app.hides_certificate)
        raise OrgError(remark.sentence, hint=remark.hint)
    if app and app.hides_certificate:
        return _check_by_login(version, prove)
    if app is None or app.certificate != version.certificate:
        held = f"the certificate {words.short(app.fingerprint)}" if app and app.fingerprint else "no certificate"
        raise OrgError(
            f"The app {version.app} holds {held}, not the current version {words.short(version.fingerprint)}.",
            hint=f"`rotator status` shows more; `rotate restore {name}` puts the current certificate back.",
        )
    return f"The current version's key matches the live certificate of {version.app}."


def _check_by_login(version: KeyVersion, prove: Callable[[KeyVersion], LoginAnswer]) -> str:
    answer = prove(version)
    if answer.outcome is LoginOutcome.ACCEPTED:
        return f"The org does not show the certificate of {version.app}; the current version's key just logged in."
    raise OrgError(
        f"The org does not show the certificate of {version.app}, and a login with the current version's key does"
        f" not succeed: {answer.reason}.",
        hint=answer.hint,
    )
