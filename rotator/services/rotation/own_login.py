"""How the program itself logs in to an org: with a key of its own, or by a credential that it manages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.config.settings import LoginByCredential, LoginWithKey
from rotator.core.credentials import Stage, key_version
from rotator.errors import ConfigurationError, RotationHalted, StoreError
from rotator.resources import docs
from rotator.salesforce.login import LoginTarget
from rotator.salesforce.session import Candidate
from rotator.stores.base import read_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rotator.config.settings import OrgSettings, Settings
    from rotator.core.credentials import KeyVersion
    from rotator.salesforce.apps.app import App
    from rotator.services.rotation.client_secrets.secrets_of_org import Secrets
    from rotator.services.rotation.observer import CredentialContext
    from rotator.stores.base import Store


def own_login(
    settings: Settings, org: str, *, store: Callable[[str], Store], environ: Mapping[str, str]
) -> Callable[[], Iterator[Candidate]]:
    """What the program may log in to `org` with, the best first; each call of the result reads it anew.

    Raises StoreError when the credential that `login` names has no current version.
    """
    login = settings.orgs[org].login
    if isinstance(login, LoginWithKey):
        return lambda: _with_key(settings.orgs[org], login, environ)
    kept_in = store(settings.credentials[login.credential].store)
    if kept_in.stages(login.credential).current is None:
        raise _nothing_stored(org, login, kept_in)
    return lambda: _by_credential(settings.orgs[org], login, kept_in)


def refuse_to_end_own_login(credential: CredentialContext, seen: Iterable[App] | None = None) -> None:
    """Raises RotationHalted for a credential whose rotation would end the key that the program itself logs in with.

    A credential that `login` of the org names is safe, as the program then logs in with what is stored. `seen` are its
    apps, where they have just been read; else they are, and what that raises is raised.
    """
    login = credential.org.login
    if not isinstance(login, LoginWithKey):
        return
    if credential.secrets is not None:
        _refuse_to_end_own_consumer_key(credential, login, credential.secrets)
        return
    for app in credential.read_apps() if seen is None else seen:
        if app is not None and app.client_id == login.client_id:
            raise RotationHalted(
                f"Rotating {credential.name} would end the key that rotator itself logs in to"
                f" {credential.settings.org} by, through {app.full_name}.",
                effect="Nothing was changed.",
                hint=f"Run `rotator adopt {credential.name} --key FILE` with that key, then set"
                f" `login: {{credential: {credential.name}}}` of the org.",
            )


def _refuse_to_end_own_consumer_key(credential: CredentialContext, login: LoginWithKey, secrets: Secrets) -> None:
    """The consumer key changes with the secret, and rotator's own login names it, though it is by a certificate."""
    for app in credential.settings.app_names:
        pairs = secrets.read(app)
        if pairs is not None and pairs.in_use.client_id == login.client_id:
            raise RotationHalted(
                f"Rotating {credential.name} would end the consumer key that rotator itself logs in to"
                f" {credential.settings.org} by, through {app}.",
                effect="Nothing was changed.",
                hint="Let rotator log in through an app of its own.",
            )


def _with_key(org: OrgSettings, login: LoginWithKey, environ: Mapping[str, str]) -> Iterator[Candidate]:
    target = LoginTarget(org.login_url, login.client_id, login.username, org.audience)
    key = login.private_key.load(environ)
    if key.weakness:
        raise ConfigurationError(
            f"The key that rotator logs in to {org.login_url} with ({login.private_key.place}) {key.weakness}.",
            effect="Nothing was touched.",
            hint="Make another one, upload its certificate to the management app, and name it here:"
            f" {docs('salesforce-setup')} shows how.",
        )
    yield Candidate(target, key)


def _by_credential(org: OrgSettings, login: LoginByCredential, store: Store) -> Iterator[Candidate]:
    """Current, then pending, then previous: whichever of them an interrupted rotation left on its app."""
    for stage in (Stage.CURRENT, Stage.PENDING, Stage.PREVIOUS):
        version = read_stage(store, login.credential, stage)
        if version is not None:
            key = key_version(version)
            yield Candidate(_target(org, key), key.private_key)


def _target(org: OrgSettings, version: KeyVersion) -> LoginTarget:
    return LoginTarget(org.login_url, version.client_id, version.username, version.audience)


def _nothing_stored(org: str, login: LoginByCredential, store: Store) -> StoreError:
    credential = login.credential
    return StoreError(
        f"The org {org} is logged in to by the credential {credential}, and the store {store.name} has no current"
        " version of it.",
        effect="Nothing was changed.",
        hint="Give `login` of the org a client_id, username and private_key once, run"
        f" `rotator adopt {credential} --key FILE`, then set `login: {{credential: {credential}}}` again.",
    )
