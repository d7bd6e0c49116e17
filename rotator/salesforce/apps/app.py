"""An app of either kind as an org holds it, and what its adapter has to be able to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from rotator.core.credentials import Fingerprint
from rotator.core.crypto.certificates import Certificate
from rotator.errors import NOTHING_CHANGED, CertificateError, OrgError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotator.core.observed import Kind
    from rotator.salesforce.apps.admission import Admission
    from rotator.salesforce.component import Component


@dataclass(frozen=True)
class App:
    """An app that consumers log in through."""

    kind: Kind
    full_name: str
    client_id: str
    """The consumer key; empty for an app without OAuth settings."""
    certificate: Certificate | None
    """The live certificate; None for an app that takes no JWT bearer logins, and for one that hides it."""
    component: Component | None = field(repr=False, compare=False)
    """The component that holds the certificate, whole, as it was read; None for an app without OAuth settings."""
    hides_certificate: bool = False
    """The org gave none, and would give none either if there were one: some orgs never show those of this kind."""

    @property
    def fingerprint(self) -> Fingerprint | None:
        """The live certificate's."""
        return Fingerprint(self.certificate.fingerprint) if self.certificate else None

    def fields(self) -> dict[str, object]:
        """All that the component says, by name."""
        return self.component.fields() if self.component else {}


class PolicyChange(NamedTuple):
    """Who may use an app, in the component that says it."""

    field: str
    """The path of the one field that changes."""
    before: Component
    """As it was read."""
    sent: Component


class AppAdapter(Protocol):
    """The apps of one kind in one org. All calls raise OrgError, OrgUnavailable and LoginRefused."""

    @property
    def not_compared(self) -> frozenset[str]:
        """Fields of the component that may be others after a write."""
        ...

    def read_each(self, full_names: Sequence[str]) -> list[App | OrgError | None]:
        """Apps, ten in a call, in the order asked for.

        None for one that is missing or that the program's user may not read, which Salesforce does not tell apart; an
        error for one that cannot be read. Raises what is wrong with the org and with no app.
        """
        ...

    def with_certificate(self, app: App, certificate: Certificate) -> Component:
        """What has to be sent to replace the certificate and nothing else: the component whole, as it was read.

        Raises OrgError for an app without a place for a certificate, and for one that cannot be sent back.
        """
        ...

    def admission(self, app: App) -> Admission | None:
        """Who may log in through the app, by its policies; None where the org does not show them."""
        ...

    def with_policy(self, app: App, *, only_approved: bool) -> PolicyChange | None:
        """What is to be sent so that only approved users may use the app, or all who approve it themselves.

        None where the org does not show the component that says it.
        """
        ...


def without_errors(found: Sequence[App | OrgError | None]) -> list[App | None]:
    """What was read of several apps. Raises the first of the errors."""
    for app in found:
        if isinstance(app, OrgError):
            raise app
    return [app for app in found if not isinstance(app, OrgError)]


def certificate_in(org: str, full_name: str, text: str) -> Certificate | None:
    """The certificate of an app, in PEM or base64. Raises OrgError when it is none."""
    try:
        return Certificate.parse(text) if text else None
    except CertificateError as error:
        raise no_certificate(org, full_name, error) from None


def no_certificate(org: str, full_name: str, error: CertificateError) -> OrgError:
    """The error for an app whose certificate is none, and `error` says why."""
    return OrgError(
        f"What {full_name} in the org {org} holds as a certificate cannot be read. {error.message}",
        effect=NOTHING_CHANGED,
        hint="Upload a certificate in Setup.",
    )


def no_place_for_a_certificate(org: str, app: App, hint: str) -> OrgError:
    """The error for an app without OAuth settings."""
    return OrgError(
        f"{app.full_name} in the org {org} has no OAuth settings, and so no place for a certificate.",
        effect=NOTHING_CHANGED,
        hint=hint,
    )


def cannot_be_sent_back(org: str, app: App, lacking: Sequence[str]) -> OrgError:
    """The error for an app that came without what an update must have."""
    return OrgError(
        f"What the org {org} gave of {app.full_name} cannot be sent back: {' and '.join(lacking)} is missing.",
        effect=NOTHING_CHANGED,
        hint="Save the app once in Setup with every required field filled in.",
    )


def unreadable(org: str, full_name: str, error: OrgError) -> OrgError:
    """The error for one of several apps that cannot be read."""
    return OrgError(
        f"The app {full_name} in the org {org} cannot be read: {error.message}", effect=error.effect, hint=error.hint
    )


def tried(read: Callable[[], App | None]) -> App | OrgError | None:
    """What was read, or why it could not be."""
    try:
        return read()
    except OrgError as error:
        return error
