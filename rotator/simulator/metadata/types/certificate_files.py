"""Certificates of Certificate and Key Management: a file with a description beside it (Metadata API, Certificate).

The org makes every key pair itself: no private key comes in or goes out. What is uploaded is the chain that an
authority signed for the org's request, or the certificate of which a new one takes the subject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.simulator.metadata.types.changes import Outcome
from rotator.simulator.metadata.types.metadata_type import MetadataType
from rotator.simulator.org.certificates import CertificateChain, UntrustedChainError, content_of, issue
from rotator.simulator.org.components import ComponentError, unusable_certificate
from rotator.simulator.org.schema.certificate import CONTENT
from rotator.simulator.wire.soap import date_time
from rotator.simulator.wire.unsupported import unsupported_fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.simulator.metadata.types.changes import Author, Mode
    from rotator.simulator.metadata.types.metadata_type import Listed
    from rotator.simulator.org.certificates import OrgCertificate
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.org import Org

KEY_SIZES: Final = {"2048": 2048, "4096": 4096}
"""Bits of a key, by what `keySize` says."""


class CertificateType(MetadataType):
    """Certificates by their developer names; one that was deleted is none any more."""

    is_file = True

    def listed(self, org: Org) -> Iterable[Listed]:
        return [each for each in org.certificates if not each.deleted]

    def _find(self, org: Org, name: str) -> OrgCertificate | None:
        return next((each for each in org.certificates if each.name == name and not each.deleted), None)

    def read(self, org: Org, name: str) -> Component | None:
        found = self._find(org, name)
        if found is None:
            return None
        expires = {"expirationDate": date_time(found.expires_at)} if found.expires_at else {}
        return {
            "fullName": name,
            CONTENT: content_of(org, found),
            "caSigned": _flag(found.ca_signed),
            **expires,
            "keySize": str(found.key_bits),
            "masterLabel": found.label,
            "privateKeyExportable": _flag(found.exportable),
        }

    def write(self, author: Author, name: str, given: Component, mode: Mode) -> Outcome:
        found = self._find(author.org, name)
        self.check_mode(mode, name, is_there=found is not None)
        content = given.pop(CONTENT, "")
        component = author.merge.apply(self.schema, given, (self.read(author.org, name) or {}) if found else {})
        if component.get("encryptedWithPlatformEncryption") == "true":
            raise unsupported_fault("Platform Encryption")
        if found is None:
            return self._create(author, name, component, content)
        return self._update(author, found, component, content)

    def _create(self, author: Author, name: str, component: Component, content: str) -> Outcome:
        bits = KEY_SIZES.get(component.get("keySize", "2048"))
        if bits is None:
            raise ComponentError("FIELD_INTEGRITY_EXCEPTION", "A key has 2048 or 4096 bits.", "keySize")
        made = issue(
            author.org,
            name,
            component["masterLabel"],
            key_bits=bits,
            ca_signed=component["caSigned"] == "true",
            exportable=component.get("privateKeyExportable", "true") == "true",
            subject_of=_chain(author, content) if content else None,
        )
        made.modified_by = author.user.username
        return Outcome(made.id, created=True)

    def _update(self, author: Author, found: OrgCertificate, component: Component, content: str) -> Outcome:
        org = author.org
        fixed = {"caSigned": _flag(found.ca_signed), "keySize": str(found.key_bits)}
        for element, value in fixed.items():
            if component.get(element, value) != value:
                raise ComponentError("FIELD_INTEGRITY_EXCEPTION", f"{element} cannot be changed.", element)
        before = (found.label, found.exportable, content_of(org, found))
        if content and content.split() != before[2].split():
            if not found.ca_signed:
                raise unsupported_fault("Another content for a self-signed certificate")
            try:
                found.put_chain(_chain(author, content))
            except UntrustedChainError:
                raise unusable_certificate(org.settings) from None
        found.master_label = component["masterLabel"]
        found.exportable = component.get("privateKeyExportable", _flag(found.exportable)) == "true"
        is_changed = before != (found.label, found.exportable, content_of(org, found))
        if is_changed:
            found.modified_at, found.modified_by = author.at, author.user.username
        return Outcome(found.id, changed=is_changed)


def _chain(author: Author, content: str) -> CertificateChain:
    try:
        return CertificateChain.parse(content)
    except UntrustedChainError:
        raise unusable_certificate(author.org.settings) from None


def _flag(value: bool) -> str:
    return "true" if value else "false"
