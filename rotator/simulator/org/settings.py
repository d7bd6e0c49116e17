"""What is not known of Salesforce, or differs between orgs: every such behaviour of a simulated org is a setting."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - resolved when settings and answers are read from JSON
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import Field

_YEAR: Final = 31_536_000
Seconds = Annotated[float, Field(ge=0, le=_YEAR, allow_inf_nan=False)]
"""A time of at most a year."""
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""From none to all."""
Number = Annotated[int, Field(ge=1)]
"""At least one."""


@dataclass(frozen=True)
class Refusal:
    """One answer of the token endpoint that is no token."""

    error: str
    description: str
    status: int = 400


@dataclass(frozen=True)
class OrgSettings:
    """How one simulated org behaves where Salesforce's documents are silent or its orgs differ."""

    propagation_seconds: Seconds = 0.0
    """How long the login servers may still know an app's certificate of before a change."""
    flap_probability: Share = 0.0
    """Share of logins inside that time which an up-to-date server answers; 0: the old certificate holds throughout."""

    omitted_elements: Literal["clear", "keep"] = "clear"
    """What an element that an update leaves out means: its default, or what was there before."""
    empty_certificate: Literal["clear", "keep"] = "clear"
    """What an empty `<certificate/>` means."""
    out_of_order_elements: Literal["ignore", "accept", "refuse"] = "ignore"
    """Whether SOAP elements out of the WSDL's order are dropped without a word."""
    out_of_order_in_files: Literal["ignore", "accept", "refuse"] = "accept"
    """The same for the files of a deployment."""
    smallest_key_bits: Number = 2048
    """RSA keys below this size are rejected on upload."""
    largest_certificate_bytes: Number = 4096
    """PEM certificates above this size are rejected on upload."""
    certificate_status_code: str = "FIELD_INTEGRITY_EXCEPTION"
    """Status code of an update whose certificate cannot be used."""
    certificate_message: str = "Invalid certificate"
    """Message of an update whose certificate cannot be used."""
    consumer_key_status_code: str = "FIELD_INTEGRITY_EXCEPTION"
    """Status code of `You cannot provide a Consumer Key`."""
    deploy_seconds: Seconds = 0.0
    """How long a deployment waits until it is its turn."""
    deploy_work_seconds: Seconds = 0.0
    """How long it is at work then, when nobody takes it back any more, until it takes effect."""
    deploy_without_tests: Literal["accept", "refuse"] = "accept"
    """Whether a deployment may say NoTestRun, which production orgs refuse, or must leave it to the org."""
    retrieve_seconds: Seconds = 0.0
    """How long a retrieve takes."""
    limit_status_code: str = "EXCEEDED_ID_LIMIT"
    """Status code of a call with too many components or queries."""
    limit_answer: Literal["fault", "errors"] = "fault"
    """Whether a write of too many components is one fault, or an error for each component."""
    sessions_end_with_change: bool = False
    """Whether an update of an app ends the sessions that were opened through it."""
    creation_restricted: bool = True
    """Whether new connected apps are refused, as in orgs since Spring '26."""
    creation_message: str = "Connected app creation is restricted in this org."
    """Message of a refused creation."""
    creation_status_code: str = "INSUFFICIENT_ACCESS"
    """Status code of a refused creation."""

    external_certificate_returned: Literal["always", "with_secret_access", "never"] = "always"
    """Whether an external client app's certificate comes back; the middle one: with `external_secrets_readable`."""
    external_certificate_form: Literal["bare", "lines", "pem"] = "bare"
    """How it comes back: base64 on one line, base64 with line breaks, or PEM."""
    external_secrets_readable: bool = False
    """Whether the org lets the Metadata API read the consumer secrets of external client apps."""
    external_secrets_over_rest: bool = False
    """Whether the REST API reads and rotates them."""
    external_staged_pairs_log_in: bool = False
    """Whether a staged consumer key and secret log in before they are rotated in."""
    external_rotated_pairs_seconds: Seconds = 0.0
    """How long the login servers do not know a consumer key and secret that were rotated in."""
    external_rotated_keys_sign: bool = True
    """Whether an assertion may still name a consumer key that was rotated away, while its pair is taken."""
    external_ended_pairs_shown: bool = True
    """Whether a pair whose 30 days have ended is listed still, and takes the place of a next one."""
    external_no_second_pair: Literal["empty_list", "not_found"] = "empty_list"
    """What an org says of a consumer without a second pair."""
    external_consumer_key_given: Literal["ignore", "refuse"] = "ignore"
    """What becomes of a new consumer key for an app that has one: the write succeeds and the old one stays, or not."""
    external_apps_updatable: bool = True
    """Whether updateMetadata takes the types of external client apps, or only a deployment does."""
    external_settings_alone: Literal["refuse", "accept"] = "refuse"
    """Whether global OAuth settings can be created for an app that has no OAuth settings yet."""
    external_names: Mapping[str, str] = field(
        default_factory=lambda: {
            "ExtlClntAppOauthSettings": "{app}_oauth",
            "ExtlClntAppGlobalOauthSettings": "{app}_glbloauth",
            "ExtlClntAppOauthConfigurablePolicies": "{app}_oauthPlcy",
            "ExtlClntAppConfigurablePolicies": "{app}_plcy",
        }
    )
    """What the satellites of an external client app that was made in Setup are called; a deployment names its own."""
    external_apps_of_setup_shown: bool = True
    """Whether the Metadata API knows external client apps that were made in Setup, or those of deployments alone."""
    external_apps_on_generic_hosts: bool = False
    """Whether external client apps log in at login.salesforce.com and test.salesforce.com, or with that audience."""
    new_external_app_seconds: Seconds = 0.0
    """How long the login servers do not know a new external client app."""

    integration_licences: Annotated[int, Field(ge=0)] = 5
    """How many Salesforce Integration licences the org has."""
    hidden_types: tuple[str, ...] = ()
    """Types that the program's user may not see, such as Certificate: neither as metadata nor in the Tooling API."""
    hidden_type_code: str = "INVALID_TYPE"
    """Fault of the Metadata API for a type that is hidden."""
    unwritable_objects: tuple[str, ...] = ()
    """Objects of which the program's user may neither make nor delete records, such as PermissionSetAssignment."""
    client_credentials_take_approval: bool = True
    """Whether of a login with a client secret, too, the user must be approved where an app lets only those in."""
    revoked_approvals_end: bool = True
    """Whether a revoked token also ends the approval that the user once gave the app himself."""
    deleted_rows_in_queries: bool = True
    """Whether a query to the Tooling API finds certificates that were deleted."""
    query_batch: Number = 2000
    """Rows in one answer to a query."""

    reject_expired_certificate: bool = False
    """Whether a login over a certificate past its end is refused."""
    accepted_algorithms: tuple[str, ...] = ("RS256",)
    """Signature algorithms of assertions."""
    clock_skew_seconds: Seconds = 5.0
    """How long after its `exp` an assertion is still taken."""
    longest_exp_seconds: Seconds | None = None
    """How far ahead `exp` may lie; None: no upper bound, as the official command line's milliseconds show."""
    extra_audiences: tuple[str, ...] = ()
    """Audiences accepted beside the login host of the kind of org and the org's own URL."""
    logins_per_hour: Number | None = None
    """Logins that one user may make in an hour (Salesforce: 3600); None: no limit."""
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    """Other answers for checks of the token endpoint, by the check's name."""
    external_refusals: Mapping[str, Refusal] = field(default_factory=dict)
    """The same for logins through external client apps, before `refusals`."""
    check_order: tuple[str, ...] = ()
    """Names of the token endpoint's checks in another order; empty: the order of the table."""
    same_session_for_second_login: bool = False
    """Whether a login hands out the session of the earlier one while that is alive."""
    signature_failure_status: str | None = "Failed: Signature Invalid"
    """What LoginHistory says of a login whose signature did not verify; None: it has no such row."""
    signature_failure_application: Literal["label", "client_id", "none"] = "label"
    """What such a row has as its application."""
    signature_failure_type: str = "Remote Access 2.0"
    """What such a row has as its LoginType."""
    logins_of_others_shown: bool = True
    """Whether LoginHistory has more than the user's own rows, as with the permission Monitor Login History."""
    session_seconds: Seconds = 7200.0
    """How long an unused session lives."""

    rest_api_enabled: bool = True
    """Whether the org has the REST API."""
    latest_api_version: Annotated[int, Field(ge=31)] = 67
    """The newest API version that the org knows."""
    jwt_tokens_in_soap: bool = False
    """Whether the SOAP API takes JWT-format access tokens."""
    metadata_permission_message: str = "use of the Metadata API requires a user with the ModifyAllData permission"
    """Text of the fault for a user who may not use the Metadata API."""
