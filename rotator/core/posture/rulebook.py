"""Which rule answers which check: of each credential, and of each org."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core.posture import app_rules, checks, key_rules, org_rules, user_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotator.core.posture.checks import Check
    from rotator.core.posture.facts import CredentialFacts, OrgFacts, Posture
    from rotator.core.posture.judgements import Judgement

    CredentialRule = Callable[[CredentialFacts, Posture], Judgement]
    OrgRule = Callable[[OrgFacts, Posture], Judgement]

OF_CREDENTIALS: Final[Mapping[Check, CredentialRule]] = {
    checks.KEY_IN_FILES: key_rules.in_files,
    checks.KEY_COPIES: key_rules.copies,
    checks.KEY_SIZE: key_rules.size,
    checks.KEY_EXPONENT: key_rules.exponent,
    checks.KEY_ALGORITHM: key_rules.algorithm,
    checks.KEY_LIFETIME: key_rules.lifetime,
    checks.KEY_AGE: key_rules.age,
    checks.KEY_SHARED: key_rules.shared,
    checks.SECOND_APP: key_rules.second_app,
    checks.ASSERTION_LIFETIME: key_rules.assertion_lifetime,
    checks.ASSERTION_AUDIENCE: key_rules.assertion_audience,
    checks.USER_SHARED: user_rules.shared,
    checks.USER_IS_PERSON: user_rules.person,
    checks.USER_API_ONLY: user_rules.api_only,
    checks.USER_IS_ADMINISTRATOR: user_rules.administrator,
    checks.USER_PERMISSIONS: user_rules.permissions,
    checks.USER_LICENCE: user_rules.licence,
    checks.USER_MFA: user_rules.mfa,
    checks.APP_SESSIONS: app_rules.sessions,
    checks.APP_OPEN: app_rules.open_to_all,
    checks.APP_REFRESH_TOKENS: app_rules.refresh_tokens,
    checks.APP_ADDRESSES: app_rules.addresses,
    checks.APP_SCOPES: app_rules.scopes,
    checks.APP_KIND: app_rules.kind,
    checks.UNUSED: app_rules.unused,
}

OF_ORGS: Final[Mapping[Check, OrgRule]] = {
    checks.KEY_SIZE: org_rules.key_size,
    checks.KEY_EXPONENT: org_rules.key_exponent,
    checks.KEY_ALGORITHM: org_rules.key_algorithm,
    checks.KEY_SHARED: org_rules.key_shared,
    checks.APP_OPEN: org_rules.app_open,
    checks.APP_KIND: org_rules.app_kind,
    checks.MANAGEMENT_RIGHTS: org_rules.management_rights,
    checks.MANAGEMENT_APP: org_rules.management_app,
    checks.MANAGEMENT_KEY: org_rules.management_key,
}
"""Those about keys and apps are of apps with a certificate that no credential has."""
