"""The rules about the apps that integrations log in through: who may, from where, with which scopes, and who does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.posture.facts import AppFacts, Hidden, PolicyFacts
from rotator.core.posture.judgements import Outcome, judged, sound, unsound
from rotator.core.posture.user_rules import HIGH_ASSURANCE
from rotator.core.usage.own_logins import CLOCKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from rotator.core.posture.choices import PostureRules
    from rotator.core.posture.facts import CredentialFacts, OrgFacts, Posture
    from rotator.core.posture.judgements import Judgement

ENFORCED: Final = "ENFORCE"
ENDLESS: Final = "infinite"


def of_policies(
    rule: Callable[[PolicyFacts, str], Outcome | Hidden],
) -> Callable[[AppFacts, PostureRules], Outcome | Hidden]:
    """The rule, asked of an app's policies; the second argument is the app's name."""

    def ask(app: AppFacts, _: PostureRules) -> Outcome | Hidden:
        return app.policies if isinstance(app.policies, Hidden) else rule(app.policies, app.name)

    return ask


def _open(policies: PolicyFacts, app: str) -> Outcome:
    if not policies.only_approved:
        return unsound(f"Every user of the org may approve {app} for himself.")
    return sound(f"Through {app} only approved users log in.")


def _sessions(policies: PolicyFacts, app: str) -> Outcome:
    if policies.session_level == HIGH_ASSURANCE:
        return unsound(f"{app} asks for sessions of high assurance.")
    return sound(f"{app} takes sessions of standard assurance.")


def _refresh_tokens(policies: PolicyFacts, app: str) -> Outcome | Hidden:
    if not policies.refresh_tokens:
        return Hidden(f"the org to tell the refresh token policy of {app}")
    is_endless = policies.refresh_tokens == ENDLESS
    return judged(is_sound=not is_endless, seen=f"The refresh token policy of {app} is {policies.refresh_tokens}.")


def _addresses(policies: PolicyFacts, app: str) -> Outcome | Hidden:
    if not policies.ip_relaxation:
        return Hidden(f"the org to tell the IP relaxation of {app}")
    is_enforced = policies.ip_relaxation == ENFORCED
    return judged(is_sound=is_enforced, seen=f"The IP relaxation of {app} is {policies.ip_relaxation}.")


is_open = of_policies(_open)
sessions_of = of_policies(_sessions)
refresh_tokens_of = of_policies(_refresh_tokens)
addresses_of = of_policies(_addresses)


def scopes_of(app: AppFacts, rules: PostureRules) -> Outcome | Hidden:
    """Whether it has scopes that no consumer uses."""
    if isinstance(app.scopes, Hidden):
        return app.scopes
    wanted = {scope.casefold() for scope in rules.scopes}
    beyond = sorted(scope for scope in app.scopes if scope.casefold() not in wanted)
    if beyond:
        return unsound(f"{app.name} has {words.listed(beyond)} as well.")
    return sound(f"{app.name} has {words.listed(sorted(app.scopes)) or 'no scope'}.")


def kind_of(app: AppFacts, _: PostureRules) -> Outcome:
    """Whether it is of the kind that can be made today."""
    noun = "Connected App" if app.is_connected_app else "External Client App"
    return judged(is_sound=not app.is_connected_app, seen=f"{app.name} is {_an(noun)}.")


def _an(noun: str) -> str:
    return f"{'an' if noun[0] in 'AEIOU' else 'a'} {noun}"


def _of_apps(
    rule: Callable[[AppFacts, PostureRules], Outcome | Hidden],
) -> Callable[[CredentialFacts, Posture], Judgement]:
    """The rule, asked of each app of a credential."""

    def ask(credential: CredentialFacts, posture: Posture) -> Judgement:
        apps = apps_of(credential, posture.orgs[credential.org])
        if isinstance(apps, Hidden):
            return apps
        return of_all(rule(app, posture.rules) for app in apps)

    return ask


def apps_of(credential: CredentialFacts, org: OrgFacts) -> list[AppFacts] | Hidden:
    """The apps of a credential; Hidden where the org does not show one of them."""
    if isinstance(org.apps, Hidden):
        return org.apps
    by_name: dict[str, list[AppFacts]] = {name.casefold(): [] for name in credential.apps}
    for app in org.apps:
        if credential.has(app):
            by_name[app.name.casefold()].append(app)
    missing = [name for name in credential.apps if not by_name[name.casefold()]]
    if missing:
        return Hidden(f"to see {words.listed(missing)}, of which the org shows nothing")
    twice = [found[0].name for found in by_name.values() if len(found) > 1]
    if twice:
        return Hidden(f"to know which {twice[0]} is meant, as the org has two: `kind` of the app in config.yaml")
    return [app for found in by_name.values() for app in found]


def of_all(found: Iterable[Outcome | Hidden]) -> Outcome | Hidden | None:
    """What several say together: what is not sound counts, then what is hidden."""
    outcomes = [*found]
    wrong = [each.seen for each in outcomes if isinstance(each, Outcome) and not each.is_sound]
    if wrong:
        return unsound(words.sentences(*wrong))
    hidden = next((each for each in outcomes if isinstance(each, Hidden)), None)
    if hidden or not outcomes:
        return hidden
    return sound(words.sentences(*(each.seen for each in outcomes if isinstance(each, Outcome))))


def open_to_all(credential: CredentialFacts, posture: Posture) -> Judgement:
    """Whether users log in through its apps whom no administrator approved.

    A login by client credentials is the one user's whom the policies name; nobody approves anything.
    """
    return None if credential.is_secret else _of_apps(is_open)(credential, posture)


def kind(credential: CredentialFacts, posture: Posture) -> Judgement:
    """Whether its apps are of the kind that can be made today; of a client secret they are."""
    return None if credential.is_secret else _of_apps(kind_of)(credential, posture)


sessions = _of_apps(sessions_of)
refresh_tokens = _of_apps(refresh_tokens_of)
addresses = _of_apps(addresses_of)
scopes = _of_apps(scopes_of)


def unused(credential: CredentialFacts, posture: Posture) -> Judgement:
    """Whether nobody logged in with it for long, but the program itself."""
    org = posture.orgs[credential.org]
    apps = apps_of(credential, org)
    if isinstance(apps, Hidden):
        return apps
    labels, me = {app.label for app in apps}, credential.username.casefold()
    seen = [each for each in (org.logins, org.tokens) if not isinstance(each, Hidden)]
    told = [each.at for uses in seen for each in uses if each.app in labels and each.username.casefold() == me]
    times = [at for at in told if not _is_own(at, credential)]
    times += [credential.used_at] if credential.used_at else []
    span = words.count(posture.rules.unused_after.days, "day")
    if times and max(times) >= posture.now - posture.rules.unused_after:
        return sound(f"It was last used on {words.day(max(times))}.")
    hidden = next((each for each in (org.logins, org.tokens) if isinstance(each, Hidden)), None)
    if hidden:
        return hidden
    if told and not times:
        # The org tells of the last login alone, and that one hides all before it.
        return Hidden(f"a login that is not rotator's own: the last one, on {words.day(max(told))}, was")
    when = f"It was last used on {words.day(max(times))}, and not" if times else "It was not used"
    return unsound(f"{when} in the last {span}, as far as the org tells.")


def _is_own(at: datetime, credential: CredentialFacts) -> bool:
    return any(abs(at - own) <= CLOCKS for own in credential.own_logins)
