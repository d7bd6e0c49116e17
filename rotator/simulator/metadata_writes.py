"""Calls of the Metadata API that change: updateMetadata, createMetadata, deleteMetadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.simulator.components import Component, ComponentError, Update, from_xml
from rotator.simulator.metadata_call import COMPONENT_LIMIT, TYPE, check_limit, check_type
from rotator.simulator.soap import add, xsi_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

    from rotator.simulator.apps import App
    from rotator.simulator.metadata_call import MetadataCall
    from rotator.simulator.org import Org


@dataclass(frozen=True)
class Write:
    """One component of a write that was found good; `commit` lets it take effect."""

    app: App
    component: Component

    def commit(self, call: MetadataCall) -> None:
        """Puts the component in place of what was there."""
        component = self.component
        if call.lose_certificate:
            component = {**component, "oauthConfig": {**component["oauthConfig"], "certificate": None}}
        self.app.put(component, call.org.clock(), call.user)
        call.org.apps[self.app.name] = self.app


def update(call: MetadataCall, body: etree._Element) -> None:
    """updateMetadata: each component for itself, unless all-or-none was asked for."""
    _write(call, body, _updated)


def create(call: MetadataCall, body: etree._Element) -> None:
    """createMetadata: refused in orgs since Spring '26, unless a setting allows it."""
    _write(call, body, _created)


def _write(call: MetadataCall, body: etree._Element, plan: Callable[[MetadataCall, str, Component], Write]) -> None:
    elements = call.call.children("metadata")
    check_limit(call, len(elements), COMPONENT_LIMIT)
    for element in elements:
        check_type(xsi_type(element))
    given = [from_xml(element, call.version, call.org.settings) for element in elements]
    planned = [(each.get("fullName", ""), _planned(call, each, plan)) for each in given]
    failed = any(isinstance(outcome, ComponentError) for _, outcome in planned)
    for name, outcome in planned:
        _save_result(body, name, _committed(call, outcome, roll_back=failed and call.call.all_or_none))


def _planned(
    call: MetadataCall, given: Component, plan: Callable[[MetadataCall, str, Component], Write]
) -> Write | ComponentError:
    try:
        return plan(call, given.get("fullName", ""), given)
    except ComponentError as error:
        return error


def _committed(call: MetadataCall, outcome: Write | ComponentError, *, roll_back: bool) -> ComponentError | None:
    if isinstance(outcome, ComponentError):
        return outcome
    if roll_back:
        return ComponentError(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using AllOrNone header",
        )
    outcome.commit(call)
    return None


def _updated(call: MetadataCall, name: str, given: Component) -> Write:
    app = _existing(call.org, name)
    return Write(app, Update(call.org.settings, call.version).apply(given, app.whole_component()))


def _created(call: MetadataCall, name: str, given: Component) -> Write:
    org, settings = call.org, call.org.settings
    if settings.creation_restricted:
        raise ComponentError(settings.creation_status_code, settings.creation_message)
    if name in org.apps:
        raise ComponentError("DUPLICATE_DEVELOPER_NAME", "duplicate value found", "fullName")
    component = Update(settings, call.version).create(given)
    oauth = component.setdefault("oauthConfig", {})
    if org.app_of(oauth.get("consumerKey", "")):
        raise ComponentError("FIELD_INTEGRITY_EXCEPTION", "The consumer key is already taken", "consumerKey")
    app = org.build_app(name, component)
    return Write(app, {**component, "oauthConfig": {**app.component["oauthConfig"], **oauth}})


def delete(call: MetadataCall, body: etree._Element) -> None:
    """deleteMetadata: each app for itself."""
    check_type(next(iter(call.call.texts("type")), ""))
    names = call.call.texts("fullNames")
    check_limit(call, len(names), COMPONENT_LIMIT)
    for name in names:
        try:
            del call.org.apps[_existing(call.org, name).name]
        except ComponentError as error:
            _save_result(body, name, error)
        else:
            _save_result(body, name, None)


def _save_result(body: etree._Element, name: str, error: ComponentError | None) -> None:
    """SaveResult and DeleteResult have the same shape."""
    result = add(body, "result")
    if error:
        element = add(result, "errors")
        for field in error.fields:
            add(element, "fields", field)
        add(element, "message", error.message)
        add(element, "statusCode", error.status_code)
    add(result, "fullName", name)
    add(result, "success", "false" if error else "true")


def _existing(org: Org, name: str) -> App:
    if not name:
        raise ComponentError("REQUIRED_FIELD_MISSING", "Required field is missing: fullName", "fullName")
    if name not in org.apps:
        raise ComponentError("INVALID_CROSS_REFERENCE_KEY", f"no {TYPE} named {name} found")
    return org.apps[name]
