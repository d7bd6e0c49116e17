"""Calls of the Metadata API that change: updateMetadata, createMetadata, deleteMetadata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.simulator.metadata.call import COMPONENT_LIMIT, TYPE, check_limit, check_written_type, limit_message
from rotator.simulator.org.components import Component, ComponentError, Update, from_xml
from rotator.simulator.wire.soap import add, xsi_type

if TYPE_CHECKING:
    from lxml import etree

    from rotator.simulator.metadata.call import MetadataCall
    from rotator.simulator.org.apps import App
    from rotator.simulator.org.org import Org


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
        if call.org.settings.sessions_end_with_change:
            call.org.sessions.end_of(self.app.name)
        call.org.apps[self.app.name] = self.app


Plan = Callable[["MetadataCall", str, Component], Write]
"""Checks one component that was given under a name, and says what is to be written. Raises ComponentError."""


def update(call: MetadataCall, body: etree._Element) -> None:
    """updateMetadata: each component for itself, unless all-or-none was asked for."""
    _write(call, body, _updated)


def create(call: MetadataCall, body: etree._Element) -> None:
    """createMetadata: refused in orgs since Spring '26, unless a setting allows it."""
    _write(call, body, _created)


def _write(call: MetadataCall, body: etree._Element, plan: Plan) -> None:
    elements = call.call.children("metadata")
    plan = _limited(call, len(elements), plan)
    for element in elements:
        check_written_type(xsi_type(element))
    given = [from_xml(element, call.version, call.org.settings) for element in elements]
    planned = [(each.get("fullName", ""), _planned(call, each, plan)) for each in given]
    failed = any(isinstance(outcome, ComponentError) for _, outcome in planned)
    for name, outcome in planned:
        _save_result(body, name, _committed(call, outcome, roll_back=failed and call.call.all_or_none))


def _limited(call: MetadataCall, number: int, plan: Plan) -> Plan:
    """Refuses too many components: with one fault, or each for itself."""
    if call.org.settings.limit_answer == "fault":
        check_limit(call, number, COMPONENT_LIMIT)
        return plan

    def refuse(call: MetadataCall, _name: str, _given: Component) -> Write:
        raise ComponentError(call.org.settings.limit_status_code, limit_message(COMPONENT_LIMIT))

    return refuse if number > COMPONENT_LIMIT else plan


def _planned(call: MetadataCall, given: Component, plan: Plan) -> Write | ComponentError:
    if not given.get("fullName"):
        return ComponentError("REQUIRED_FIELD_MISSING", "Required field is missing: fullName", "fullName")
    try:
        return plan(call, given["fullName"], given)
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
    if given.get("pluginExecutionUser") not in {app.component.get("pluginExecutionUser"), *call.org.users}:
        # A user that the org does not have is dropped, not refused.
        given.pop("pluginExecutionUser", None)
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
    check_written_type(next(iter(call.call.texts("type")), ""))
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
    if name not in org.apps:
        raise ComponentError("INVALID_CROSS_REFERENCE_KEY", f"no {TYPE} named {name} found")
    return org.apps[name]
