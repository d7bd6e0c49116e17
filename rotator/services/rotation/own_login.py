"""How the program itself logs in to an org: with a key of its own, or by a credential that it manages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.config.settings import LoginByCredential, LoginWithKey
from rotator.core.credentials import Stage, key_version
from rotator.errors import NOTHING_CHANGED, ConfigurationError, RotationHalted, StoreError
from rotator.resources import docs
from rotator.salesforce.login import LoginTarget
from rotator.salesforce.session import Candidate
from rotator.stores.base import read_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rotator.config.settings import CredentialSettings, OrgSettings, Settings
    from rotator.core.credentials import KeyVersion
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


def refuse_to_end_own_login(credential: CredentialContext, client_ids: Mapping[str, str] | None = None) -> None:
    """Raises RotationHalted for a credential whose rotation would end what the program itself logs in with.

    `client_ids` are the consumer keys of its apps, by the app, where they have just been read; else they are, and what
    that raises is raised.
    """
    if isinstance(credential.org.login, LoginWithKey):
        seen = credential.client_ids() if client_ids is None else client_ids
        refuse_own_client_ids(credential.name, credential.settings, credential.org.login, seen)
    elif credential.secrets is not None:
        # A key pair of that app logs in by what is stored with it, and that is the consumer key of before.
        own = {app.casefold() for app in credential.own_apps}
        for app in credential.settings.app_names:
            if app.casefold() in own:
                raise _ends_own_login(credential.name, credential.settings, app)


def refuse_own_client_ids(
    name: str, settings: CredentialSettings, login: LoginWithKey, client_ids: Mapping[str, str]
) -> None:
    """The same for a login by a key file: one by a credential is safe, as it goes by what is stored.

    A client secret's consumer key changes with it, so that it is no login's by a certificate either.
    """
    for app, client_id in client_ids.items():
        if client_id == login.client_id:
            raise _ends_own_login(name, settings, app)


def _ends_own_login(name: str, settings: CredentialSettings, app: str) -> RotationHalted:
    what, hint = "consumer key", "Let rotator log in through an app of its own."
    if not settings.has_secret:
        then = f"set `login: {{credential: {name}}}` of the org"
        what, hint = "key", f"Run `rotator adopt {name} --key FILE` with that key, then {then}."
    return RotationHalted(
        f"Rotating {name} would end the {what} that rotator itself logs in to {settings.org} by, through {app}.",
        effect=NOTHING_CHANGED,
        hint=hint,
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
        effect=NOTHING_CHANGED,
        hint="Give `login` of the org a client_id, username and private_key once, run"
        f" `rotator adopt {credential} --key FILE`, then set `login: {{credential: {credential}}}` again.",
    )
