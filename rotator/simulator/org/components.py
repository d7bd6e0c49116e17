"""Reads and writes ConnectedApp components as the Metadata API does; the values live in plain mappings.

A component maps an element's name to a text, a group (again a mapping), or a list of either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from rotator.core.crypto.certificates import Certificate
from rotator.errors import CertificateError
from rotator.simulator.org.types import CONNECTED_APP, SCOPE_SYNONYMS, SCOPES, Field
from rotator.simulator.wire.soap import FaultError, add, is_nil

if TYPE_CHECKING:
    from rotator.simulator.org.settings import OrgSettings

Component = dict[str, Any]

_FLAGS: Final = {"true": "true", "1": "true", "false": "false", "0": "false"}


class ComponentError(Exception):
    """One component of a write is refused; the others are not concerned (SaveResult.errors)."""

    def __init__(self, status_code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.fields = fields


def to_xml(component: Component, parent: etree._Element, version: int, group: Field = CONNECTED_APP) -> None:
    """Appends the elements that a read at this API version returns, in the WSDL's order.

    Flags of the version are always there, even when false; what is not set is absent, not empty.
    """
    for field in group.fields:
        if field.returned and field.since <= version:
            for value in _as_list(component.get(field.name, {} if field.always else field.default)):
                if field.kind == "group":
                    to_xml(value, add(parent, field.name), version, field)
                else:
                    add(parent, field.name, value)


def from_xml(element: etree._Element, version: int, settings: OrgSettings, group: Field = CONNECTED_APP) -> Component:
    """What the elements say, and nothing that is left out; an empty element is an empty text or list.

    Raises FaultError for an element that the type does not have or has not at this API version, or of a wrong kind.
    """
    order = {field.name: index for index, field in enumerate(group.fields)}
    given: Component = {}
    reached = 0
    for child in element.iterchildren(tag=etree.Element):
        position = order.get(etree.QName(child).localname)
        if position is None:
            raise _misplaced(child, group)
        field = group.fields[position]
        if field.since > version:
            raise FaultError("soapenv:Client", f"Element {child.tag} not valid in version {version}.0")
        if is_nil(child) or (position < reached and settings.out_of_order_elements == "ignore"):
            continue
        reached = position
        if field.name in given and not field.many:
            raise _misplaced(child, group)
        _put(given, field, _value(child, field, version, settings))
    return given


def _put(given: Component, field: Field, value: Any) -> None:
    if field.many:
        # "An empty element removes all": it names the list and adds nothing to it.
        given.setdefault(field.name, []).extend([value] if value else [])
    else:
        given[field.name] = value


def _value(element: etree._Element, field: Field, version: int, settings: OrgSettings) -> Any:
    if field.kind == "group":
        return from_xml(element, version, settings, field)
    # The API trims the white space around texts (Metadata API Developer Guide).
    text = (element.text or "").strip()
    if field.kind == "flag":
        if text not in _FLAGS:
            raise FaultError("soapenv:Client", f"'{text}' is not a valid value for the type xsd:boolean")
        return _FLAGS[text]
    if field.kind == "number" and not text.removeprefix("-").isdecimal():
        raise FaultError("soapenv:Client", f"'{text}' is not a valid value for the type xsd:int")
    if field.kind == "scope" and text and text not in SCOPES:
        raise FaultError("soapenv:Client", f"'{text}' is not a valid value for the enum 'ConnectedAppOauthAccessScope'")
    return text


def _misplaced(element: etree._Element, group: Field) -> FaultError:
    return FaultError("soapenv:Client", f"Element {element.tag} invalid at this location in type {group.group_type}")


@dataclass(frozen=True)
class Update:
    """One write of one component: how what was given changes what was there."""

    settings: OrgSettings
    version: int

    def apply(self, given: Component, before: Component) -> Component:
        """The component after an update. Raises ComponentError when it is refused."""
        if "consumerKey" in given.get("oauthConfig", {}):
            raise ComponentError(self.settings.consumer_key_status_code, "You cannot provide a Consumer Key")
        # Settable at creation only, and never returned: a secret that is sent later has no effect.
        given.get("oauthConfig", {}).pop("consumerSecret", None)
        return self._finish(self._merge(CONNECTED_APP, given, before))

    def create(self, given: Component) -> Component:
        """A new component. Raises ComponentError when it is refused."""
        return self._finish(self._merge(CONNECTED_APP, given, {}))

    def _finish(self, after: Component) -> Component:
        oauth = after.get("oauthConfig", {})
        if "certificate" in oauth:
            oauth["certificate"] = check_certificate(oauth["certificate"], self.settings).base64
        if "scopes" in oauth:
            oauth["scopes"] = returned_scopes(oauth["scopes"])
        return after

    def _merge(self, group: Field, given: Component, before: Component) -> Component:
        merged = {field.name: self._merged(field, given, before) for field in group.fields}
        return {name: value for name, value in merged.items() if value is not None}

    def _merged(self, field: Field, given: Component, before: Component) -> Any:
        """The value of one field: what was given, what was there, or None for its default."""
        value, old = given.get(field.name), before.get(field.name)
        if self._is_left_alone(field, value):
            value = old
        elif field.kind == "group" and value is not None:
            value = self._merged_groups(field, value, old)
        if field.required and not value:
            raise _missing(field.name)
        if field.name == "oauthConfig" and value is None and old is not None:
            # An update submits all required fields, those of the OAuth part too.
            raise _missing("callbackUrl")
        return value or None

    def _merged_groups(self, field: Field, value: Any, old: Any) -> Any:
        if field.many:
            return [self._merge(field, each, {}) for each in value]
        return self._merge(field, value, old or {})

    def _is_left_alone(self, field: Field, value: Any) -> bool:
        if value is None:
            return field.kept or field.since > self.version or self.settings.omitted_elements == "keep"
        return field.name == "certificate" and not value and self.settings.empty_certificate == "keep"


def check_certificate(text: str, settings: OrgSettings) -> Certificate:
    """The one certificate in an uploaded text: PEM, base64 with line breaks, or base64 on one line.

    Raises ComponentError for anything else; Salesforce's words for it are not known, so they are a setting.
    """
    try:
        certificate = Certificate.parse(text)
        too_small = certificate.public_key.key_size < settings.smallest_key_bits
    except CertificateError:
        raise _unusable(settings) from None
    if too_small or len(certificate.pem) > settings.largest_certificate_bytes:
        raise _unusable(settings)
    return certificate


def returned_scopes(scopes: list[str]) -> list[str]:
    """Scopes as a read returns them: synonyms collapsed, in the enumeration's order."""
    held = {SCOPE_SYNONYMS.get(scope, scope) for scope in scopes}
    return [scope for scope in SCOPES if scope in held]


def _unusable(settings: OrgSettings) -> ComponentError:
    return ComponentError(settings.certificate_status_code, settings.certificate_message, "certificate")


def _missing(name: str) -> ComponentError:
    return ComponentError("REQUIRED_FIELD_MISSING", f"Required field is missing: {name}", name)


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
