"""How the program itself logs in to an org: with a key of its own, or by a credential that it manages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.config.settings import LoginByCredential
from rotator.errors import StoreError
from rotator.salesforce.login import LoginTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rotator.config.settings import LoginWithKey, Settings
    from rotator.core.credentials import Version
    from rotator.core.keys import PrivateKey
    from rotator.stores.base import Store


def own_login(
    settings: Settings, org: str, *, store: Callable[[str], Store], environ: Mapping[str, str]
) -> tuple[LoginTarget, Callable[[], Iterator[PrivateKey]]]:
    """Whom the program logs in to `org` as, and the keys to try.

    Raises StoreError when the credential that `login` names has no current version.
    """
    login = settings.orgs[org].login
    if isinstance(login, LoginByCredential):
        return _by_credential(settings, org, login.credential, store(settings.credentials[login.credential].store))
    target = LoginTarget(
        login_url=settings.orgs[org].login_url,
        client_id=login.client_id,
        username=login.username,
        audience=settings.orgs[org].audience,
    )
    return target, lambda: _one_key(login, environ)


def _one_key(login: LoginWithKey, environ: Mapping[str, str]) -> Iterator[PrivateKey]:
    yield login.private_key.load(environ)


def _by_credential(
    settings: Settings, org: str, credential: str, store: Store
) -> tuple[LoginTarget, Callable[[], Iterator[PrivateKey]]]:
    current = store.stages(credential).current
    if current is None:
        raise StoreError(
            f"The org {org} is logged in to by the credential {credential}, and the store {store.name} has no current"
            " version of it.",
            left="Nothing was changed.",
            advice="Give `login` of the org a client_id, username and private_key once, run"
            f" `rotator adopt {credential} --key FILE`, then set `login: {{credential: {credential}}}` again.",
        )
    version = store.read(credential, current)
    target = LoginTarget(
        login_url=settings.orgs[org].login_url,
        client_id=version.client_id,
        username=version.username,
        audience=version.audience,
    )
    return target, lambda: _stored_keys(store, credential, version)


def _stored_keys(store: Store, credential: str, version: Version) -> Iterator[PrivateKey]:
    """Current, then pending, then previous, as far as they are for the same app."""
    for _, fingerprint in store.stages(credential):
        stored = version if fingerprint == version.fingerprint else store.read(credential, fingerprint)
        if stored.client_id == version.client_id:
            yield stored.private_key
