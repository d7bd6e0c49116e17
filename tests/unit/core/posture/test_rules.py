"""Rules whose facts no org and no configuration can be made to have, and what rules say of what cannot be seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.core.posture.assessment import assess
from rotator.core.posture.checks import CHECKS
from rotator.core.posture.choices import PostureRules
from rotator.core.posture.facts import (
    AppFacts,
    CredentialFacts,
    Hidden,
    KeyFacts,
    ManagementFacts,
    OrgFacts,
    Posture,
)
from rotator.core.posture.judgements import Verdict
from rotator.core.posture.rulebook import OF_CREDENTIALS, OF_ORGS
from rotator.resources import read_page
from rotator.testing.versions import MOMENT

YEAR = timedelta(days=365)
URL = "https://example.my.salesforce.com"
KEY = KeyFacts("k" * 64, MOMENT, MOMENT + YEAR, "RSA", 2048, 65537, "sha256")
UNSEEN = Hidden("a permission")
CREDENTIAL = CredentialFacts(
    name="billing",
    org="production",
    username="billing@example.com",
    apps=("Billing",),
    is_secret=False,
    login_url=URL,
    audience=URL,
    lifetime=YEAR,
    rotate_before=timedelta(days=30),
    is_in_files=False,
    current=KEY,
)
ORG = OrgFacts(
    "production",
    ManagementFacts("robot@example.com", "client", "management"),
    apps=UNSEEN,
    users=UNSEEN,
    spare_licences=UNSEEN,
    logins=UNSEEN,
    tokens=UNSEEN,
)


def verdicts(credential: CredentialFacts = CREDENTIAL, rules: PostureRules | None = None) -> dict[str, Verdict]:
    """What each check of a credential came to, by its name."""
    posture = Posture(MOMENT, {"billing": credential}, {"production": ORG}, rules=rules or PostureRules())
    return {each.check.name: each.verdict for each in assess(posture, only=["billing"])}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"hash": "sha1"}, Verdict.FINDING),
        ({"hash": "md5"}, Verdict.FINDING),
        ({"algorithm": "EC", "bits": 256, "exponent": 0}, Verdict.FINDING),
        ({"algorithm": "RSA-PSS"}, Verdict.FINDING),
        ({"hash": "sha512"}, Verdict.OK),
        ({}, Verdict.OK),
    ],
)
def test_keys_that_sign_no_login_and_hashes_that_are_broken_are_found(
    changed: dict[str, object], verdict: Verdict
) -> None:
    credential = replace(CREDENTIAL, current=replace(KEY, **changed))  # type: ignore[arg-type]
    assert verdicts(credential)["key-algorithm"] is verdict


@pytest.mark.parametrize(("minutes", "verdict"), [(3, Verdict.OK), (4, Verdict.FINDING)])
def test_assertions_are_valid_for_three_minutes_at_the_most(minutes: int, verdict: Verdict) -> None:
    found = verdicts(rules=PostureRules(assertion_lifetime=timedelta(minutes=minutes)))
    assert found["assertion-lifetime"] is verdict


def test_what_cannot_be_seen_neither_passes_nor_fails() -> None:
    hidden = {name for name, verdict in verdicts().items() if verdict is Verdict.HIDDEN}
    assert hidden == {
        *("key-shared", "unused", "user-shared", "user-person", "user-api-only", "user-administrator"),
        *("user-permissions", "user-licence", "user-mfa", "app-sessions", "app-open", "app-refresh-tokens"),
        *("app-addresses", "app-scopes", "app-kind"),
    }


def test_a_key_that_cannot_be_read_is_neither_strong_nor_weak() -> None:
    found = verdicts(replace(CREDENTIAL, current=UNSEEN))
    of_keys = {name for name in found if name.startswith("key-") and name not in {"key-copies", "key-in-files"}}
    assert {found[name] for name in of_keys} == {Verdict.HIDDEN}


def test_of_a_client_secret_only_that_is_asked_which_it_has() -> None:
    secret = replace(CREDENTIAL, is_secret=True, current=KeyFacts("s" * 64, MOMENT, MOMENT + YEAR, is_secret=True))
    left_out = set(verdicts()) - set(verdicts(secret))
    assert left_out == {
        *("key-size", "key-exponent", "key-algorithm", "key-lifetime", "second-app", "assertion-lifetime"),
        *("app-open", "app-kind"),
    }


def test_where_nothing_is_stored_nothing_is_said_of_keys() -> None:
    found = verdicts(replace(CREDENTIAL, current=None))
    assert "key-size" not in found
    assert "key-age" not in found


def test_there_is_a_rule_for_every_check_and_a_check_for_every_rule() -> None:
    assert {*OF_CREDENTIALS, *OF_ORGS} == set(CHECKS)
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.why and check.source and check.remedy and check.asks for check in CHECKS)


def test_the_page_on_security_names_every_check_with_its_severity() -> None:
    page = read_page("security")
    assert [line for check in CHECKS if (line := f"| `{check.name}` | {check.risk} | {check.asks} |") not in page] == []


def _with_app(org: str, app: str) -> OrgFacts:
    return replace(ORG, name=org, apps=(AppFacts(app, app, is_connected_app=True, key=KEY),))


def test_a_key_that_an_app_of_another_org_has_is_told_with_that_org() -> None:
    orgs = {"production": _with_app("production", "Legacy"), "sandbox": _with_app("sandbox", "Legacy")}
    found = {each.key: each for each in assess(Posture(MOMENT, {}, orgs))}
    assert "Legacy has the key of Legacy in sandbox." in found["key-shared/production/"].seen
    assert "Legacy has the key of Legacy in production." in found["key-shared/sandbox/"].seen
    orgs = {"production": replace(ORG, apps=()), "sandbox": _with_app("sandbox", "Billing")}
    posture = Posture(MOMENT, {"billing": CREDENTIAL}, orgs)
    [shared] = [each for each in assess(posture, only=["billing"]) if each.check.name == "key-shared"]
    assert shared.seen == "It is also that of the app Billing in sandbox."


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        (True, "Billing is a Connected App."),
        (False, "Billing is an External Client App."),
        (None, "to know which Billing is meant, as the org has two: `kind` of the app in config.yaml"),
    ],
)
def test_of_two_apps_of_one_name_the_one_is_judged_that_is_said(kind: bool | None, seen: str) -> None:
    """And the other one is an app that no credential has."""
    both = tuple(AppFacts("Billing", "Billing", is_connected_app=each, key=KEY) for each in (True, False))
    credential = replace(CREDENTIAL, connected={} if kind is None else {"billing": kind})
    posture = Posture(MOMENT, {"billing": credential}, {"production": replace(ORG, apps=both)})
    found = {each.key: each for each in assess(posture)}
    its_kind = found["app-kind/production/billing"]
    assert seen in its_kind.seen + its_kind.needs
    of_nobody = found.get("key-shared/production/")
    assert (of_nobody is None) == (kind is None)
