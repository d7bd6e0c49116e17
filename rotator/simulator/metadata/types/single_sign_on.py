"""SAML single sign-on settings (Metadata API Developer Guide, SamlSsoConfig)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rotator.simulator.metadata.types.changes import Outcome, already_there, not_found
from rotator.simulator.metadata.types.metadata_type import MetadataType
from rotator.simulator.org.components import ComponentError, check_certificate, differ

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.simulator.metadata.types.changes import Author, Mode
    from rotator.simulator.metadata.types.metadata_type import Listed
    from rotator.simulator.org.certificates import IdentityProvider
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.org import Org

_READ_ONLY: Final = ("oauthTokenEndpoint", "salesforceLoginUrl")
"""Addresses of the org's own: it makes them, whatever a write says."""
_NAME: Final = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")
"""Letters, digits and single underscores between them, from a letter on."""


class SingleSignOnType(MetadataType):
    """Whose assertions the org takes, each by the certificate of an identity provider."""

    def listed(self, org: Org) -> Iterable[Listed]:
        return org.identity_providers.values()

    def read(self, org: Org, name: str) -> Component | None:
        provider = org.identity_providers.get(name)
        return self._whole(org, provider) if provider else None

    def _whole(self, org: Org, provider: IdentityProvider) -> Component:
        is_encrypted = "decryptionCertificate" in provider.component
        login = f"{org.url}?sc={provider.id}" if is_encrypted else f"{org.url}?so={org.id}"
        own = {"oauthTokenEndpoint": f"{org.url}/services/oauth2/token?so={org.id}", "salesforceLoginUrl": login}
        return {**provider.component, **own, "fullName": provider.name}

    def write(self, author: Author, name: str, given: Component, mode: Mode) -> Outcome:
        org = author.org
        provider = org.identity_providers.get(name)
        self.check_mode(mode, name, is_there=provider is not None)
        before = provider.component if provider else {}
        component = author.merge.apply(self.schema, given, before)
        if not _NAME.fullmatch(component["name"]):
            raise ComponentError("FIELD_INTEGRITY_EXCEPTION", f"'{component['name']}' is no API name", "name")
        for each in ("fullName", *_READ_ONLY):
            component.pop(each, None)
        certificate = check_certificate(component["validationCert"], org.settings)
        component["validationCert"] = certificate.base64
        if provider is None:
            made = org.add_identity_provider(name, certificate)
            made.component, made.modified_by = component, author.user.username
            return Outcome(made.id, created=True)
        provider.component = component
        provider.modified_at, provider.modified_by = author.at, author.user.username
        return Outcome(provider.id, changed=differ(component, before, self.schema))

    def delete(self, author: Author, name: str) -> Outcome:
        provider = author.org.identity_providers.pop(name, None)
        if provider is None:
            raise not_found(self.name, name)
        return Outcome(provider.id)

    def rename(self, author: Author, old: str, new: str) -> None:
        providers = author.org.identity_providers
        if old not in providers:
            raise not_found(self.name, old)
        if new in providers:
            raise already_there()
        provider = providers.pop(old)
        provider.name, provider.modified_at, provider.modified_by = new, author.at, author.user.username
        providers[new] = provider
