"""What is not known of Salesforce, or differs between orgs: every such behaviour of a simulated org is a setting."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - resolved when settings and answers are read from JSON
from dataclasses import dataclass, field
from typing import Final, Literal

LOGIN_HOSTS: Final = {"production": "https://login.salesforce.com", "sandbox": "https://test.salesforce.com"}
"""The host in identity URLs, and an accepted audience, by kind of org (OAuth 2.0 JWT Bearer Flow)."""


@dataclass(frozen=True)
class Refusal:
    """One answer of the token endpoint that is no token."""

    error: str
    description: str
    status: int = 400


@dataclass(frozen=True)
class OrgSettings:
    """How one simulated org behaves where Salesforce's documents are silent or its orgs differ."""

    propagation_seconds: float = 0.0
    """How long the login servers may still know an app's certificate of before a change."""
    flap_probability: float = 0.0
    """Share of logins inside that time which an up-to-date server answers; 0: the old certificate holds throughout."""

    omitted_elements: Literal["clear", "keep"] = "clear"
    """What an element that an update leaves out means: its default, or what was there before."""
    empty_certificate: Literal["clear", "keep"] = "clear"
    """What an empty `<certificate/>` means."""
    out_of_order_elements: Literal["ignore", "accept"] = "ignore"
    """Whether SOAP elements out of the WSDL's order are dropped without a word."""
    smallest_key_bits: int = 2048
    """RSA keys below this size are rejected on upload."""
    largest_certificate_bytes: int = 4096
    """PEM certificates above this size are rejected on upload."""
    certificate_status_code: str = "FIELD_INTEGRITY_EXCEPTION"
    """Status code of an update whose certificate cannot be used."""
    certificate_message: str = "Invalid certificate"
    """Message of an update whose certificate cannot be used."""
    consumer_key_status_code: str = "FIELD_INTEGRITY_EXCEPTION"
    """Status code of `You cannot provide a Consumer Key`."""
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

    hidden_types: tuple[str, ...] = ()
    """Types that the program's user may not see, such as Certificate: neither as metadata nor in the Tooling API."""
    hidden_type_code: str = "INVALID_TYPE"
    """Fault of the Metadata API for a type that is hidden."""
    deleted_rows_in_queries: bool = True
    """Whether a query to the Tooling API finds certificates that were deleted."""
    query_batch: int = 2000
    """Rows in one answer to a query."""

    reject_expired_certificate: bool = False
    """Whether a login over a certificate past its end is refused."""
    accepted_algorithms: tuple[str, ...] = ("RS256",)
    """Signature algorithms of assertions."""
    clock_skew_seconds: float = 5.0
    """How long after its `exp` an assertion is still taken."""
    longest_exp_seconds: float | None = None
    """How far ahead `exp` may lie; None: no upper bound, as the official command line's milliseconds show."""
    extra_audiences: tuple[str, ...] = ()
    """Audiences accepted beside the login host of the kind of org and the org's own URL."""
    logins_per_hour: int | None = None
    """Logins that one user may make in an hour (Salesforce: 3600); None: no limit."""
    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    """Other answers for checks of the token endpoint, by the check's name."""
    check_order: tuple[str, ...] = ()
    """Names of the token endpoint's checks in another order; empty: the order of the table."""
    same_session_for_second_login: bool = False
    """Whether a login hands out the session of the earlier one while that is alive."""
    signature_failure_status: str | None = "Failed: Signature Invalid"
    """What LoginHistory says of a login whose signature did not verify; None: it has no such row."""
    session_seconds: float = 7200.0
    """How long an unused session lives."""

    latest_api_version: int = 66
    """The newest API version that the org knows."""
    jwt_tokens_in_soap: bool = False
    """Whether the SOAP API takes JWT-format access tokens."""
    metadata_permission_message: str = "use of the Metadata API requires a user with the ModifyAllData permission"
    """Text of the fault for a user who may not use the Metadata API."""
