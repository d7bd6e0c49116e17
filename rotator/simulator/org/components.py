"""Components as the Metadata API writes and takes them; the values live in plain mappings.

A component maps an element's name to a text, a group (again a mapping), or a list of either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from lxml import etree

from rotator.core.crypto.certificates import Certificate
from rotator.errors import CertificateError
from rotator.simulator.org.schema.connected_app import SCOPE_SYNONYMS, SCOPES
from rotator.simulator.org.schema.field import LAST_API_VERSION
from rotator.simulator.wire.soap import METADATA, FaultError, add, is_nil

if TYPE_CHECKING:
    from rotator.simulator.org.schema.field import Field
    from rotator.simulator.org.settings import OrgSettings

Component = dict[str, Any]
Order = Literal["ignore", "accept", "refuse"]
"""What becomes of an element out of the WSDL's order: dropped without a word, taken, or the whole component refused."""

_FLAGS: Final = {"true": "true", "1": "true", "false": "false", "0": "false"}


class ComponentError(Exception):
    """One component of a write is refused; the others are not concerned (SaveResult.errors)."""

    def __init__(self, status_code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.fields = fields


def to_xml(component: Component, parent: etree._Element, version: int, group: Field) -> None:
    """Appends the elements that a read at this API version returns, in the WSDL's order.

    Flags of the version are always there, even when false; what is not set is absent, not empty.
    """
    for field in group.fields:
        if field.returned and field.is_in(version):
            for value in _as_list(component.get(field.name, {} if field.always else field.default)):
                if field.kind == "group":
                    to_xml(value, add(parent, field.name), version, field)
                else:
                    add(parent, field.name, value)


def differ(one: Component, other: Component, schema: Field) -> bool:
    """Whether reads of the two, at the newest version, are not the same: what is at its default may be there or not."""
    texts = []
    for component in (one, other):
        element = etree.fromstring(f'<component xmlns="{METADATA}"/>')
        to_xml(component, element, LAST_API_VERSION, schema)
        texts.append(etree.tostring(element))
    return texts[0] != texts[1]


def from_xml(element: etree._Element, version: int, group: Field, order: Order) -> Component:
    """What the elements say, and nothing that is left out; an empty element is an empty text or list.

    Raises FaultError for an element that the type does not have or has not at this API version, or of a wrong kind.
    """
    positions = {field.name: index for index, field in enumerate(group.fields)}
    given: Component = {}
    reached = 0
    for child in element.iterchildren(tag=etree.Element):
        position = positions.get(etree.QName(child).localname)
        if position is None:
            raise _misplaced(child, group)
        field = group.fields[position]
        if not field.is_in(version):
            raise FaultError("soapenv:Client", f"Element {child.tag} not valid in version {version}.0")
        if position < reached and order == "refuse":
            raise _misplaced(child, group)
        if is_nil(child) or (position < reached and order == "ignore"):
            continue
        reached = position
        if field.name in given and not field.many:
            raise _misplaced(child, group)
        _put(given, field, _value(child, field, version, order))
    return given


def _put(given: Component, field: Field, value: Any) -> None:
    if field.many:
        # "An empty element removes all": it names the list and adds nothing to it.
        given.setdefault(field.name, []).extend([value] if value else [])
    else:
        given[field.name] = value


def _value(element: etree._Element, field: Field, version: int, order: Order) -> Any:
    if field.kind == "group":
        return from_xml(element, version, field, order)
    # The API trims the white space around texts (Metadata API Developer Guide).
    text = (element.text or "").strip()
    if field.kind == "flag":
        if text not in _FLAGS:
            raise FaultError("soapenv:Client", f"'{text}' is not a valid value for the type xsd:boolean")
        return _FLAGS[text]
    if field.kind == "number" and not text.removeprefix("-").isdecimal():
        raise FaultError("soapenv:Client", f"'{text}' is not a valid value for the type xsd:int")
    if field.kind == "enum" and text and text not in field.values:
        raise FaultError("soapenv:Client", f"'{text}' is not a valid value for the enum '{field.type_name}'")
    return text


def _misplaced(element: etree._Element, group: Field) -> FaultError:
    return FaultError("soapenv:Client", f"Element {element.tag} invalid at this location in type {group.type_name}")


@dataclass(frozen=True)
class Merge:
    """How what a write gives changes what was there."""

    settings: OrgSettings
    version: int

    def apply(self, schema: Field, given: Component, before: Component) -> Component:
        """The component after the write. Raises ComponentError when a required element is missing."""
        merged = {field.name: self._merged(field, given, before) for field in schema.fields}
        return {name: value for name, value in merged.items() if value is not None}

    def _merged(self, field: Field, given: Component, before: Component) -> Any:
        """The value of one field: what was given, what was there, or None for its default."""
        value, old = given.get(field.name), before.get(field.name)
        if self._is_left_alone(field, value):
            value = old
        elif field.kind == "group" and value is not None:
            value = self._merged_groups(field, value, old)
        if field.required and not value:
            raise missing(field.name)
        return value or None

    def _merged_groups(self, field: Field, value: Any, old: Any) -> Any:
        if field.many:
            return [self.apply(field, each, {}) for each in value]
        return self.apply(field, value, old or {})

    def _is_left_alone(self, field: Field, value: Any) -> bool:
        if value is None:
            return field.kept or not field.is_in(self.version) or self.settings.omitted_elements == "keep"
        return field.name == "certificate" and not value and self.settings.empty_certificate == "keep"


def check_certificate(text: str, settings: OrgSettings) -> Certificate:
    """The one certificate in an uploaded text: PEM, base64 with line breaks, or base64 on one line.

    Raises ComponentError for anything else; Salesforce's words for it are not known, so they are a setting.
    """
    try:
        certificate = Certificate.parse(text)
        too_small = certificate.public_key.key_size < settings.smallest_key_bits
    except CertificateError:
        raise unusable_certificate(settings) from None
    if too_small or len(certificate.pem) > settings.largest_certificate_bytes:
        raise unusable_certificate(settings)
    return certificate


def returned_scopes(scopes: list[str]) -> list[str]:
    """Scopes as a read returns them: synonyms collapsed, in the enumeration's order."""
    held = {SCOPE_SYNONYMS.get(scope, scope) for scope in scopes}
    return [scope for scope in SCOPES if scope in held]


def listed_scopes(text: str) -> list[str]:
    """The scopes of an external client app, which are separated by commas."""
    return returned_scopes([scope.strip() for scope in text.split(",")])


def missing(name: str) -> ComponentError:
    """The refusal of a component that lacks a required field."""
    return ComponentError("REQUIRED_FIELD_MISSING", f"Required field is missing: {name}", name)


def unusable_certificate(settings: OrgSettings) -> ComponentError:
    """The refusal of a certificate, in words that are a setting."""
    return ComponentError(settings.certificate_status_code, settings.certificate_message, "certificate")


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
