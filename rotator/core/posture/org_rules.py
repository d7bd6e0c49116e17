"""The rules about an org as a whole: how the program itself gets in, and apps that no credential has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.posture import app_rules, key_rules
from rotator.core.posture.choices import PostureRules
from rotator.core.posture.facts import AppFacts, Hidden, KeyFacts
from rotator.core.posture.judgements import Outcome, sound, unsound
from rotator.core.posture.user_permissions import (
    ADMINISTRATION,
    ADMINISTRATOR_PROFILE,
    OF_MANAGEMENT,
    OVER_THE_ORG,
    labels,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.posture.facts import OrgFacts, Posture
    from rotator.core.posture.judgements import Judgement

_MOST_NAMED: Final = 10
_OWN_SCOPES: Final = PostureRules(scopes=frozenset({"Api", "RefreshToken"}))


def management_rights(org: OrgFacts, _: Posture) -> Judgement:
    """Whether the program's user may more than it has to."""
    if isinstance(org.users, Hidden):
        return org.users
    user = org.users.get(org.management.username.casefold())
    if user is None:
        return Hidden(f"to see the user {org.management.username}, of whom the org shows nothing")
    if isinstance(user.permissions, Hidden):
        return user.permissions
    beyond = labels(user.permissions & (ADMINISTRATION | OVER_THE_ORG) - OF_MANAGEMENT)
    profile = [f"the profile {user.profile}"] if user.profile == ADMINISTRATOR_PROFILE else []
    if profile or beyond:
        return unsound(f"{user.username} has {words.listed([*profile, *beyond])}.")
    return sound(f"{user.username} has what rotator needs.")


def management_app(org: OrgFacts, _: Posture) -> Judgement:
    """Whether the app that the program logs in through has more scopes or users than it has to."""
    if isinstance(org.apps, Hidden):
        return org.apps
    mine = [app for app in org.apps if app.client_id and app.client_id == org.management.client_id]
    if not mine:
        return Hidden("to see the app that rotator logs in through, of which the org shows nothing")
    rules = (app_rules.scopes_of, app_rules.is_open)
    return app_rules.of_all(rule(app, _OWN_SCOPES) for app in mine for rule in rules)


def management_key(org: OrgFacts, _: Posture) -> Judgement:
    """Whether the program's own key is one of those that are rotated."""
    own = org.management
    if own.credential:
        return sound(f"It logs in by the credential {own.credential}.")
    return unsound(f"Its key is in {own.place}, and no credential.")


def _unmanaged(
    rule: Callable[[AppFacts, OrgFacts, Posture], Outcome | Hidden],
) -> Callable[[OrgFacts, Posture], Judgement]:
    """The rule, asked of all apps with a certificate that no credential has, and not the program itself."""

    def ask(org: OrgFacts, posture: Posture) -> Judgement:
        if isinstance(org.apps, Hidden):
            return org.apps
        others = [app for app in org.apps if app.key is not None and app.identity(org.name) not in posture.managed_apps]
        outcomes = {app.name: rule(app, org, posture) for app in others if app.client_id != org.management.client_id}
        return _together(outcomes)

    return ask


def _together(outcomes: dict[str, Outcome | Hidden]) -> Judgement:
    """One finding for all of them, as there may be hundreds."""
    wrong = {name: each for name, each in outcomes.items() if isinstance(each, Outcome) and not each.is_sound}
    if wrong:
        named = [each.seen for each in wrong.values()][:_MOST_NAMED]
        more = f"{words.count(len(wrong) - len(named), 'more app')} likewise." if len(wrong) > len(named) else ""
        return unsound(words.sentences("Of apps that no credential has:", *named, more))
    hidden = next((each for each in outcomes.values() if isinstance(each, Hidden)), None)
    if hidden or not outcomes:
        return hidden
    return sound(f"So it is with {words.count(len(outcomes), 'app')} that no credential has.")


def _of_key(rule: Callable[[KeyFacts], Outcome]) -> Callable[[OrgFacts, Posture], Judgement]:
    def of_app(app: AppFacts, _org: OrgFacts, _posture: Posture) -> Outcome | Hidden:
        if not isinstance(app.key, KeyFacts):
            return app.key or Hidden("its certificate")
        outcome = rule(app.key)
        return Outcome(outcome.is_sound, f"{app.name}: {outcome.seen}")

    return _unmanaged(of_app)


def _key_shared(app: AppFacts, org: OrgFacts, posture: Posture) -> Outcome | Hidden:
    if not isinstance(app.key, KeyFacts):
        return app.key or Hidden("its certificate")
    others = [
        each.name if other is org else f"{each.name} in {other.name}"
        for other in posture.orgs.values()
        if not isinstance(other.apps, Hidden)
        for each in other.apps
        if each is not app and isinstance(each.key, KeyFacts)
        if each.key.public_fingerprint == app.key.public_fingerprint
    ]
    if others:
        return unsound(f"{app.name} has the key of {words.listed(sorted(others)[:_MOST_NAMED])}.")
    return sound(f"{app.name} has a key of its own.")


def _of_policies(
    rule: Callable[[AppFacts, PostureRules], Outcome | Hidden],
) -> Callable[[OrgFacts, Posture], Judgement]:
    return _unmanaged(lambda app, _org, posture: rule(app, posture.rules))


key_size = _of_key(key_rules.size_of)
key_exponent = _of_key(key_rules.exponent_of)
key_algorithm = _of_key(key_rules.algorithm_of)
key_shared = _unmanaged(_key_shared)
app_open = _of_policies(app_rules.is_open)
app_kind = _of_policies(app_rules.kind_of)
