"""The rules about the users that integrations log in as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.posture.facts import Hidden, OrgFacts, UserFacts
from rotator.core.posture.judgements import judged, sound, unsound
from rotator.core.posture.user_permissions import ADMINISTRATION, ADMINISTRATOR_PROFILE, LABELS, OVER_THE_ORG, labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.posture.facts import CredentialFacts, Posture
    from rotator.core.posture.judgements import Judgement, Outcome

HIGH_ASSURANCE: Final = "HIGH_ASSURANCE"
"""A level of sessions (Metadata API Developer Guide, SessionSecurityLevel)."""

INTEGRATION_LICENCE: Final = "Salesforce Integration"
"""Name of the user licence for integrations (Salesforce Help, Integration User License)."""


def _of_user(rule: Callable[[UserFacts, OrgFacts], Judgement]) -> Callable[[CredentialFacts, Posture], Judgement]:
    """The rule, asked of the user that a credential logs in as."""

    def ask(credential: CredentialFacts, posture: Posture) -> Judgement:
        org = posture.orgs[credential.org]
        if isinstance(org.users, Hidden):
            return org.users
        user = org.users.get(credential.username.casefold())
        if user is None:
            return Hidden(f"to see the user {credential.username}, of whom the org shows nothing")
        return rule(user, org)

    return ask


def shared(credential: CredentialFacts, posture: Posture) -> Judgement:
    """Whether another credential, the program itself or another app of the org works as the same user."""
    org, me = posture.orgs[credential.org], credential.username.casefold()
    others = [
        f"the credential {each.name}"
        for each in posture.credentials.values()
        if each.org == credential.org and each.name != credential.name and each.username.casefold() == me
        if not each.is_revoked
    ]
    if org.management.username.casefold() == me and org.management.credential != credential.name:
        others.append("rotator itself")
    others += [f"the app {app}" for app in _other_apps(credential, org, me)]
    unseen = next((each for each in (org.tokens, org.apps) if isinstance(each, Hidden)), None)
    if others:
        return unsound(f"{credential.username} is also the user of {words.listed(others)}.")
    return unseen or sound(f"{credential.username} is nobody else's.")


def _other_apps(credential: CredentialFacts, org: OrgFacts, username: str) -> list[str]:
    """Apps that no credential has, and that hold a token of the user: those of credentials are named by these."""
    if isinstance(org.tokens, Hidden) or isinstance(org.apps, Hidden):
        return []
    mine = {app.label for app in org.apps if credential.has(app)}
    own = {app.label for app in org.apps if app.client_id and app.client_id == org.management.client_id}
    used = dict.fromkeys(each.app for each in org.tokens if each.username.casefold() == username and each.app)
    return [app for app in used if app not in mine | own]


def _person(user: UserFacts, org: OrgFacts) -> Judgement:
    if isinstance(org.logins, Hidden):
        return org.logins
    me = user.username.casefold()
    browser = [each.at for each in org.logins if not each.app and each.username.casefold() == me]
    if browser:
        return unsound(f"Somebody logged in as {user.username} in a browser, last on {words.day(max(browser))}.")
    return sound(f"Nobody logged in as {user.username} in a browser lately.")


def _api_only(user: UserFacts, _: OrgFacts) -> Judgement:
    if isinstance(user.permissions, Hidden):
        return user.permissions
    if "ApiUserOnly" in user.permissions:
        return sound(f"{user.username} works over the API alone.")
    return unsound(f"{user.username} may log in to the user interface: it has no `{LABELS['ApiUserOnly']}`.")


def _administrator(user: UserFacts, org: OrgFacts) -> Judgement:
    if _is_management(user, org):
        return None
    if user.profile == ADMINISTRATOR_PROFILE:
        return unsound(f"{user.username} has the profile {user.profile}.")
    return _holds(user, ADMINISTRATION)


def _permissions(user: UserFacts, org: OrgFacts) -> Judgement:
    return None if _is_management(user, org) else _holds(user, OVER_THE_ORG)


def _is_management(user: UserFacts, org: OrgFacts) -> bool:
    """Whether the program logs in as it: what that user needs is another question (`org_rules`)."""
    return user.username.casefold() == org.management.username.casefold()


def _holds(user: UserFacts, unwanted: frozenset[str]) -> Outcome | Hidden:
    if isinstance(user.permissions, Hidden):
        return user.permissions
    held = labels(user.permissions & unwanted)
    if held:
        return unsound(f"{user.username} has {words.listed(held)}.")
    return sound(f"{user.username} has none of them.")


def _licence(user: UserFacts, org: OrgFacts) -> Judgement:
    if user.licence == INTEGRATION_LICENCE:
        return sound(f"{user.username} has the licence {user.licence}.")
    if isinstance(org.spare_licences, Hidden):
        return org.spare_licences
    if not user.licence:
        return Hidden(f"to see the licence of {user.username}, of which the org shows nothing")
    seen = f"{user.username} has the licence {user.licence}, and of {INTEGRATION_LICENCE}"
    return judged(is_sound=org.spare_licences == 0, seen=f"{seen} the org has {org.spare_licences} left.")


def _mfa(user: UserFacts, _: OrgFacts) -> Judgement:
    if isinstance(user.permissions, Hidden):
        return user.permissions
    if "TwoFactorApi" in user.permissions:
        return unsound(f"{user.username} has `{LABELS['TwoFactorApi']}`.")
    if isinstance(user.session_level, Hidden):
        return user.session_level
    if user.session_level == HIGH_ASSURANCE:
        return unsound(f"The profile {user.profile} of {user.username} asks for sessions of high assurance at login.")
    return sound(f"{user.username} is asked for no second factor over the API.")


person = _of_user(_person)
api_only = _of_user(_api_only)
administrator = _of_user(_administrator)
permissions = _of_user(_permissions)
licence = _of_user(_licence)
mfa = _of_user(_mfa)
