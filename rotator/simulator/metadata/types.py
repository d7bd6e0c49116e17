"""The types of metadata that the simulated org has, and what can be done with their components."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from rotator.simulator.metadata.changes import Outcome, already_there, not_found
from rotator.simulator.org.schema.certificate import CERTIFICATE
from rotator.simulator.org.schema.certificate import FIRST_VERSION as FIRST_CERTIFICATE_VERSION
from rotator.simulator.org.schema.field import FIRST_API_VERSION, Field
from rotator.simulator.org.schema.saml_sso_config import SAML_SSO_CONFIG
from rotator.simulator.wire.unsupported import unsupported_fault

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotator.simulator.metadata.changes import Author, Mode
    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.org import Org


class Listed(Protocol):
    """What listMetadata tells of a component."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def modified_at(self) -> datetime: ...
    @property
    def modified_by(self) -> str: ...


@dataclass(frozen=True)
class MetadataType(ABC):
    """One type, with the API version that brought it."""

    name: str
    directory: str
    suffix: str
    schema: Field
    since: int = FIRST_API_VERSION
    is_file: ClassVar[bool] = False
    """Whether its components are files with a description beside each: no CRUD call reads them."""

    @abstractmethod
    def listed(self, org: Org) -> Iterable[Listed]:
        """Every component, in the order in which they came into the org."""

    @abstractmethod
    def read(self, org: Org, name: str) -> Component | None:
        """A whole component by its full name, as a read returns it; None: there is none."""

    def write(self, author: Author, name: str, given: Component, mode: Mode) -> Outcome:  # noqa: ARG002
        """Puts a component in place of what was there. Raises ComponentError, FaultError when it is not simulated."""
        raise unsupported_fault(f"Writing {self.name}")

    def delete(self, author: Author, name: str) -> Outcome:  # noqa: ARG002
        """Takes a component away. Raises as `write` does."""
        raise unsupported_fault(f"Deleting {self.name}")

    def rename(self, author: Author, old: str, new: str) -> None:  # noqa: ARG002
        """Gives a component another name. Raises as `write` does."""
        raise unsupported_fault(f"Renaming {self.name}")


_A = TypeVar("_A", bound="ClientApp")


@dataclass(frozen=True)
class AppType(MetadataType, Generic[_A]):
    """A kind of app that consumers log in through."""

    @abstractmethod
    def apps(self, org: Org) -> dict[str, _A]:
        """Those of an org by their full names, in the order in which they came."""

    def listed(self, org: Org) -> Iterable[Listed]:
        return self.apps(org).values()

    def delete(self, author: Author, name: str) -> Outcome:
        app = self.apps(author.org).pop(name, None)
        if app is None:
            raise not_found(self.name, name)
        author.org.grants.end_of(app)
        return Outcome(app.id)

    def rename(self, author: Author, old: str, new: str) -> None:
        apps = self.apps(author.org)
        if old not in apps:
            raise not_found(self.name, old)
        if new in apps:
            raise already_there()
        app = apps.pop(old)
        app.rename(new)
        app.changed(author.at, author.user)
        apps[new] = app


@dataclass(frozen=True)
class SingleSignOnType(MetadataType):
    """SAML single sign-on settings, to be read."""

    name: str = SAML_SSO_CONFIG.name
    directory: str = "samlssoconfigs"
    suffix: str = "samlssoconfig"
    schema: Field = SAML_SSO_CONFIG

    def listed(self, org: Org) -> Iterable[Listed]:
        return org.identity_providers.values()

    def read(self, org: Org, name: str) -> Component | None:
        provider = org.identity_providers.get(name)
        return {**provider.component, "fullName": name} if provider else None


@dataclass(frozen=True)
class CertificateType(MetadataType):
    """Certificates of Certificate and Key Management, to be listed: the simulated org has no content of theirs."""

    name: str = CERTIFICATE.name
    directory: str = "certs"
    suffix: str = "crt"
    schema: Field = CERTIFICATE
    since: int = FIRST_CERTIFICATE_VERSION
    is_file: ClassVar[bool] = True

    def listed(self, org: Org) -> Iterable[Listed]:
        return [each for each in org.certificates if not each.deleted]

    def read(self, org: Org, name: str) -> Component | None:  # noqa: ARG002 - files are not read
        return None
