"""What is checked: the name of each check, how much it matters, why (with the source), and how to mend what it finds.

All of that stands here once. The rule of each check is in the module of its subject (`key_rules`, `user_rules`,
`app_rules`); `rulebook` has them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Risk(StrEnum):
    """How much a finding matters. Ordered: `Risk.HIGH.reaches(Risk.LOW)`."""

    LOW = "low"
    """It should be better, and nothing follows from it alone."""
    MEDIUM = "medium"
    """Whoever gets hold of something else gets further by it."""
    HIGH = "high"
    """By itself it gives others access, or costs the integration its own."""

    def reaches(self, least: Risk) -> bool:
        """Whether it matters at least as much as `least`."""
        return self.rank <= least.rank

    @property
    def rank(self) -> int:
        """0 for what matters most."""
        return _ORDER.index(self)


_ORDER: Final = (Risk.HIGH, Risk.MEDIUM, Risk.LOW)


@dataclass(frozen=True)
class Check:
    """One thing that good practice asks for."""

    name: str
    """In commands, exceptions, JSON, SARIF, metrics; it never changes."""
    risk: Risk
    asks: str
    """What is so where all is well."""
    why: str
    source: str
    """Who says so."""
    remedy: str

    def remedy_for(self, credential: str | None) -> str:
        """The remedy, with commands that name the credential; without one, as for an org, they say NAME."""
        return self.remedy.replace(" NAME", f" {credential}") if credential else self.remedy


_JWT_HELP: Final = "Salesforce Help, OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration"
_CONNECTED_APP: Final = "Metadata API Developer Guide, ConnectedApp"
_EXTERNAL_POLICIES: Final = "ExtlClntAppOauthConfigurablePolicies"
_POLICIES: Final = f"{_CONNECTED_APP} and {_EXTERNAL_POLICIES}"
_LEAST_PRIVILEGE: Final = "NIST SP 800-53 Rev. 5, AC-6 (Least Privilege)"

KEY_IN_FILES: Final = Check(
    "key-in-files",
    Risk.MEDIUM,
    "What consumers log in with is in a vault, where one is configured.",
    "A file is in every backup and image of its machine, whoever is root there can copy it, and nothing notes who read"
    " it; a vault notes that, and can take the access back.",
    "OWASP Secrets Management Cheat Sheet",
    "Let `store` of the credential name the vault, take the version over with `rotator adopt NAME`, then rotate it and"
    " delete the folder of the old store.",
)
KEY_COPIES: Final = Check(
    "key-copies",
    Risk.MEDIUM,
    "There is no copy of it beside the store.",
    "Whoever finds a forgotten copy logs in with it, and a rotation does not reach it before the key itself ends.",
    "OWASP Secrets Management Cheat Sheet; NIST SP 800-57 Part 1 Rev. 5, section 5.5",
    "Delete the copy, and if others may have read it `rotate now NAME --compromised`; except it where a consumer reads"
    " a keystore of its own.",
)
KEY_SIZE: Final = Check(
    "key-size",
    Risk.HIGH,
    "RSA keys have 2048 bits or more.",
    "Smaller keys can be factored, and whoever has the factors signs as the integration.",
    "NIST SP 800-131A Rev. 2, section 3",
    "Rotate it with `key_bits` of 2048 or more; on an app that nobody manages, upload another certificate in Setup.",
)
KEY_EXPONENT: Final = Check(
    "key-exponent",
    Risk.MEDIUM,
    "The public exponent is 65537 or larger.",
    "A small exponent makes faults of implementations into forged signatures.",
    "NIST FIPS 186-5, appendix A.1.1",
    "Rotate it: keys that rotator makes have 65537.",
)
KEY_ALGORITHM: Final = Check(
    "key-algorithm",
    Risk.HIGH,
    "It is an RSA key, and its certificate is signed with SHA-256 or a stronger hash.",
    "Logins by JWT take RS256 alone, so any other key logs nobody in; and MD5 and SHA-1 let certificates be forged.",
    f"{_JWT_HELP}; NIST SP 800-131A Rev. 2, section 9",
    "Rotate it: rotator makes RSA keys and signs with SHA-256.",
)
KEY_LIFETIME: Final = Check(
    "key-lifetime",
    Risk.LOW,
    "Its certificate is valid for no longer than the policy says.",
    "The longer a key is good, the longer one that was copied unseen is of use.",
    "NIST SP 800-57 Part 1 Rev. 5, section 5.3; `lifetime` in config.yaml",
    "Rotate it, so that the next certificate has the lifetime of the policy, or let `lifetime` say what is meant.",
)
KEY_AGE: Final = Check(
    "key-age",
    Risk.MEDIUM,
    "It is no older than the policy says.",
    "It should have been replaced, and was not: somebody holds its rotation up, or it fails.",
    "NIST SP 800-57 Part 1 Rev. 5, section 5.3; `lifetime`, `max_age` and `rotate_before` in config.yaml",
    "`rotator status NAME` says what holds it up; `rotate now NAME` replaces it.",
)
KEY_SHARED: Final = Check(
    "key-shared",
    Risk.HIGH,
    "No other credential and no other app has the same key.",
    "Who reads the one reads the other: a leak at one consumer opens all of them, and none can be ended alone.",
    "NIST SP 800-57 Part 1 Rev. 5, section 5.5; NIST SP 800-53 Rev. 5, IA-9",
    "Rotate all but one of them, and each that has the key of a revoked one; give an app that nobody manages another"
    " certificate in Setup.",
)
SECOND_APP: Final = Check(
    "second-app",
    Risk.LOW,
    "Two apps take turns, so that a rotation refuses nobody.",
    "An app holds one certificate: with one app the upload ends the old key before the new one is proven, and consumers"
    " that know `current` alone are refused until it is.",
    f"{_CONNECTED_APP} (one `certificate`); Setup: changes take 2 to 10 minutes to take effect",
    "Make a second app like it, and name both under `apps` (`rotator docs salesforce-setup`); or have consumers try"
    " `pending` and `previous` as well (`rotator docs consumers`).",
)
ASSERTION_LIFETIME: Final = Check(
    "assertion-lifetime",
    Risk.MEDIUM,
    "Assertions are valid for three minutes at the most.",
    "An assertion can be sent again by whoever has seen it, until it ends.",
    f"{_JWT_HELP} (claim `exp`); RFC 7523, section 3",
    "Use a release of rotator whose assertions are; a consumer's own are made by its code.",
)
ASSERTION_AUDIENCE: Final = Check(
    "assertion-audience",
    Risk.MEDIUM,
    "Logins and the audience of assertions name the org's own host.",
    "The login hosts that all orgs share take no logins through External Client Apps, and an assertion for one org"
    " should be good at no other address.",
    "Salesforce Help, My Domain; RFC 7523, section 3 (claim `aud`); forcedotcom/cli#3482",
    "Set `login_url` (and `audience`, where it is said) to https://NAME.my.salesforce.com (Setup, My Domain).",
)
USER_SHARED: Final = Check(
    "user-shared",
    Risk.MEDIUM,
    "Each integration has a user of its own.",
    "What one integration does is not told from what another does, one cannot be locked out alone, and each has the"
    " rights of all.",
    "NIST SP 800-53 Rev. 5, IA-9 and AC-6",
    "Make a user for each, and name it under `username`.",
)
USER_IS_PERSON: Final = Check(
    "user-person",
    Risk.HIGH,
    "The user is for an integration alone: nobody logs in as it in a browser.",
    "The key has all that the person has, and the integration ends when the person leaves.",
    "Salesforce Help, Give Integration Users API Only Access",
    "Give the integration a user with `API Only User`, best with the Salesforce Integration licence.",
)
USER_API_ONLY: Final = Check(
    "user-api-only",
    Risk.MEDIUM,
    "The user can log in over the API alone.",
    "Whoever has its password, or resets it, works in the user interface as the integration, unless it may not log in"
    " there.",
    "Salesforce Help, Give Integration Users API Only Access",
    "Give the user `API Only User`, by its profile or a permission set.",
)
USER_IS_ADMINISTRATOR: Final = Check(
    "user-administrator",
    Risk.HIGH,
    "The user is no administrator of the org.",
    "Whoever gets the key owns the org: reads and changes all data, makes users, deploys code.",
    _LEAST_PRIVILEGE,
    "Give the user a profile that allows what it has to do, and permission sets for the rest.",
)
USER_PERMISSIONS: Final = Check(
    "user-permissions",
    Risk.MEDIUM,
    "The user has no permission over the org as a whole.",
    "What the integration does not need, whoever gets its key has all the same.",
    _LEAST_PRIVILEGE,
    "Take them out of its profile and permission sets; what it does need goes under `audit: exceptions`.",
)
USER_LICENCE: Final = Check(
    "user-licence",
    Risk.LOW,
    "The user has the Salesforce Integration licence, where the org has one left.",
    "Whoever has that licence works over the API alone, and can be given no right to the user interface.",
    "Salesforce Help, Integration User License",
    "Give it the profile `Minimum Access - API Only Integrations` and the permission set licence `Salesforce API"
    " Integration`.",
)
USER_MFA: Final = Check(
    "user-mfa",
    Risk.HIGH,
    "Nothing asks the user for a second factor or a high-assurance session when it logs in over the API.",
    "A login by JWT has no second step, and gives a standard session: the org will refuse it.",
    "Salesforce Help, Multi-Factor Authentication for API Logins; Metadata API Developer Guide, ProfileSessionSetting",
    "Take `Multi-Factor Authentication for API Logins` from the user, and let its profile ask for standard security at"
    " login (Session Settings of the profile).",
)
APP_SESSIONS: Final = Check(
    "app-sessions",
    Risk.HIGH,
    "The app takes sessions of standard assurance.",
    "A login by JWT gives no other: a session policy that asks for more blocks it.",
    f"{_POLICIES} (session level)",
    "Set the session policy of the app to STANDARD, or to none.",
)
APP_OPEN: Final = Check(
    "app-open",
    Risk.HIGH,
    "Only users whom an administrator approved may log in through the app.",
    "Where every user may approve it for himself, whoever has its key logs in as any of them that did.",
    f"{_POLICIES} (isAdminApproved, permittedUsersPolicyType)",
    "Give the app to a profile or a permission set first, then set `Permitted Users` to `Admin approved users are"
    " pre-authorized`.",
)
APP_REFRESH_TOKENS: Final = Check(
    "app-refresh-tokens",
    Risk.LOW,
    "Refresh tokens of the app end.",
    "Logins by JWT give none, so one that is there was made otherwise, and is good for ever.",
    f"{_POLICIES} (refreshTokenPolicy)",
    "Let them expire at once, or after days without use.",
)
APP_ADDRESSES: Final = Check(
    "app-addresses",
    Risk.MEDIUM,
    "The app keeps to the addresses that the org allows its users.",
    "An app that relaxes them lets the key be used from anywhere.",
    f"{_POLICIES} (ipRelaxation)",
    "Set `IP Relaxation` of the app to `Enforce IP restrictions`, and give the user's profile the addresses that its"
    " consumers have.",
)
APP_SCOPES: Final = Check(
    "app-scopes",
    Risk.MEDIUM,
    "The app has the scopes that its consumers use, and no others.",
    "A token carries all scopes of its app: Full and Web open the user interface to it.",
    f"{_LEAST_PRIVILEGE}; RFC 9700, section 2.3",
    "Take the others off the app, or name what is used under `audit: scopes`.",
)
APP_KIND: Final = Check(
    "app-kind",
    Risk.LOW,
    "It is an External Client App.",
    "New Connected Apps can be made no more, so that this one cannot be made again as it is, nor a second one.",
    f"{_CONNECTED_APP} (creation restricted as of Spring '26)",
    "Make an External Client App, and have the two take turns (`rotator docs salesforce-setup`).",
)
UNUSED: Final = Check(
    "unused",
    Risk.MEDIUM,
    "It was used lately.",
    "What nobody uses, nobody misses when it is stolen.",
    "NIST SP 800-53 Rev. 5, AC-2 (3) (Disable Accounts)",
    "End it with `rotator revoke NAME`, then take it out of config.yaml; or say a longer `audit: unused_after`.",
)
MANAGEMENT_RIGHTS: Final = Check(
    "management-rights",
    Risk.MEDIUM,
    "The user that rotator logs in as has the permissions it needs, and no others.",
    "It may change every app, which is much; there is no need that it reads the org's data as well.",
    f"{_LEAST_PRIVILEGE}; `rotator docs salesforce-setup`",
    "Give it the permission set of `rotator config project`, and a profile without more.",
)
MANAGEMENT_APP: Final = Check(
    "management-app",
    Risk.MEDIUM,
    "The app that rotator logs in through has the scopes Api and RefreshToken, and is open to its user alone.",
    "It may change every other app: nothing in the org is worth more to others.",
    f"{_LEAST_PRIVILEGE}; `rotator docs salesforce-setup`",
    "Set it up as `rotator config project` would make it.",
)
MANAGEMENT_KEY: Final = Check(
    "management-key",
    Risk.MEDIUM,
    "The key that rotator itself logs in with is rotated as the others are.",
    "One that stands in a file is as old as the installation, and nobody is told before its certificate expires.",
    "NIST SP 800-57 Part 1 Rev. 5, section 5.3",
    "`rotator adopt` it as a credential, and say `login: {credential: NAME}` of the org.",
)

OF_ORGS_ALONE: Final = (MANAGEMENT_RIGHTS, MANAGEMENT_APP, MANAGEMENT_KEY)
"""Those that are asked of no credential."""

CHECKS: Final = (
    *(KEY_IN_FILES, KEY_COPIES, KEY_SIZE, KEY_EXPONENT, KEY_ALGORITHM, KEY_LIFETIME, KEY_AGE, KEY_SHARED),
    *(SECOND_APP, ASSERTION_LIFETIME, ASSERTION_AUDIENCE),
    *(USER_SHARED, USER_IS_PERSON, USER_API_ONLY, USER_IS_ADMINISTRATOR, USER_PERMISSIONS, USER_LICENCE, USER_MFA),
    *(APP_SESSIONS, APP_OPEN, APP_REFRESH_TOKENS, APP_ADDRESSES, APP_SCOPES, APP_KIND, UNUSED),
    *OF_ORGS_ALONE,
)
"""Every check, in the order in which they are shown."""

CHECK_NAMES: Final = tuple(check.name for check in CHECKS)
