"""The types of external client apps as the Metadata API writes them (Metadata API Developer Guide; sections there)."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rotator.simulator.metadata.types.changes import (
    Outcome,
    WarningError,
    check_new_consumer,
    not_found,
)
from rotator.simulator.metadata.types.metadata_type import AppType, MetadataType
from rotator.simulator.org.components import ComponentError, check_certificate, differ
from rotator.simulator.org.external_apps import KeyPair, Satellite
from rotator.simulator.org.schema.external_client_app import (
    EXTERNAL_CLIENT_APPLICATION,
    GLOBAL_OAUTH_SETTINGS,
    OAUTH_SETTINGS,
)
from rotator.simulator.org.setup import shows_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.core.crypto.certificates import Certificate
    from rotator.simulator.metadata.types.changes import Author, Mode
    from rotator.simulator.metadata.types.metadata_type import Listed
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.external_apps import ExternalApp
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.settings import OrgSettings

_ROTATIONS = ("shouldRotateConsumerKey", "shouldRotateConsumerSecret")


class ExternalAppType(AppType["ExternalApp"]):
    """The headers of external client apps."""

    def apps(self, org: Org) -> dict[str, ExternalApp]:
        return org.external_apps

    def shown(self, org: Org) -> dict[str, ExternalApp]:
        return _shown(org)

    def read(self, org: Org, name: str) -> Component | None:
        app = _shown(org).get(name)
        return {**app.header, "fullName": name} if app else None

    def write(self, author: Author, name: str, given: Component, mode: Mode) -> Outcome:
        _check_updatable(author, mode)
        apps = author.org.external_apps
        app = apps.get(name)
        self.check_mode(mode, name, is_there=app is not None)
        header = author.merge.apply(self.schema, given, app.header if app else {})
        header.pop("fullName", None)
        is_new = app is None
        app = app or author.org.build_external_app(name, header)
        is_changed = is_new or differ(app.header, header, self.schema)
        app.put_header(header, author.at, author.user)
        apps[name] = app
        author.touch(app, was_blocking=app.blocks_sessions)
        return Outcome(app.id, created=is_new, changed=is_changed)


class SatelliteType(MetadataType):
    """One kind of satellite. Which app it belongs to is an element; its own name says nothing."""

    def listed(self, org: Org) -> Iterable[Listed]:
        return [app.satellites[self.name] for app in _shown(org).values() if self.name in app.satellites]

    def find(self, org: Org, name: str) -> tuple[ExternalApp, Satellite] | None:
        """A satellite by its own name, and its app."""
        for app in _shown(org).values():
            satellite = app.satellites.get(self.name)
            if satellite and satellite.name == name:
                return app, satellite
        return None

    def read(self, org: Org, name: str) -> Component | None:
        found = self.find(org, name)
        return self._whole(org, *found) if found else None

    def _whole(self, org: Org, app: ExternalApp, satellite: Satellite) -> Component:  # noqa: ARG002 - for the one below
        return {**satellite.component, "fullName": satellite.name}

    def write(self, author: Author, name: str, given: Component, mode: Mode) -> Outcome:
        _check_updatable(author, mode)
        found = self.find(author.org, name)
        self.check_mode(mode, name, is_there=found is not None)
        app, satellite = found or (self._app_for(author, given), None)
        before = self._whole(author.org, app, satellite) if satellite else {}
        is_new = satellite is None
        satellite = satellite or author.org.build_satellite(self.name, name, {}, author.user.username)
        component = author.merge.apply(self.schema, given, self._before(app, satellite))
        component.pop("fullName", None)
        was_blocking = app.blocks_sessions
        self._put(author, app, satellite, component, given)
        author.touch(app, was_blocking=was_blocking)
        is_changed = is_new or differ(self._whole(author.org, app, satellite), before, self.schema)
        return Outcome(satellite.id, created=is_new, changed=is_changed)

    def _app_for(self, author: Author, given: Component) -> ExternalApp:
        """The app that a new satellite names."""
        wanted = given.get("externalClientApplication", "")
        app = _shown(author.org).get(wanted)
        if app is None:
            error = not_found(EXTERNAL_CLIENT_APPLICATION.name, wanted)
            message = f"In field: externalClientApplication - {error.message}"
            raise ComponentError(error.status_code, message, "externalClientApplication")
        if self.name in app.satellites:
            raise ComponentError("DUPLICATE_VALUE", "duplicate value found", "externalClientApplication")
        return app

    def _before(self, app: ExternalApp, satellite: Satellite) -> Component:  # noqa: ARG002 - for the one below
        return satellite.component

    def _put(
        self,
        author: Author,
        app: ExternalApp,
        satellite: Satellite,
        component: Component,
        given: Component,  # noqa: ARG002 - for the one below
    ) -> None:
        app.put_satellite(satellite, component, author.at, author.user)

    def delete(self, author: Author, name: str) -> Outcome:
        found = self.find(author.org, name)
        if found is None:
            raise not_found(self.name, name)
        app, satellite = found
        del app.satellites[self.name]
        if self.name == GLOBAL_OAUTH_SETTINGS.name:
            app.consumer = None
            app.slot.put(None, author.at)
        return Outcome(satellite.id)


class GlobalSettingsType(SatelliteType):
    """The satellite that holds the certificate, and the consumer's key and secret."""

    def _whole(self, org: Org, app: ExternalApp, satellite: Satellite) -> Component:
        whole = super()._whole(org, app, satellite)
        if app.live_certificate and _shows_certificate(org):
            whole["certificate"] = _written(app.live_certificate, org.settings)
        if app.consumer:
            whole["consumerKey"] = app.consumer.pair.key
            if shows_secrets(org, "enableConsumerSecretApiAccess"):
                whole["consumerSecret"] = app.consumer.pair.secret.reveal()
        return whole

    def _before(self, app: ExternalApp, satellite: Satellite) -> Component:
        """With the certificate, which an element that is left out clears, or keeps where the org does so."""
        certificate = app.live_certificate if satellite.type in app.satellites else None
        return {**satellite.component, "certificate": certificate.base64} if certificate else satellite.component

    def _put(
        self, author: Author, app: ExternalApp, satellite: Satellite, component: Component, given: Component
    ) -> None:
        settings = author.org.settings
        is_new = self.name not in app.satellites
        if is_new and settings.external_settings_alone == "refuse" and OAUTH_SETTINGS.name not in app.satellites:
            raise not_found(OAUTH_SETTINGS.name, f"for {app.name}")
        if "certificate" in component:
            component["certificate"] = check_certificate(component["certificate"], settings).base64
        if author.lose_certificate:
            component.pop("certificate", None)
        self._put_consumer(author, app, given)
        self._rotate(author, app, component)
        app.put_satellite(satellite, component, author.at, author.user)

    def _put_consumer(self, author: Author, app: ExternalApp, given: Component) -> None:
        org, key = author.org, given.get("consumerKey", "")
        if app.consumer is None:
            check_new_consumer(org, given)
            app.consumer = org.build_consumer(key, given.get("consumerSecret", ""))
        elif key and key != app.consumer.pair.key and org.settings.external_consumer_key_given == "refuse":
            raise ComponentError(org.settings.consumer_key_status_code, "You cannot provide a Consumer Key")

    def _rotate(self, author: Author, app: ExternalApp, component: Component) -> None:
        """The two flags are an order and no state: they come back as false."""
        wanted = [name for name in _ROTATIONS if component.pop(name, "false") == "true"]
        if wanted and not author.ignores_warnings:
            raise WarningError(
                "FIELD_INTEGRITY_EXCEPTION", "Rotating consumer credentials needs ignoreWarnings", *wanted
            )
        if wanted and app.consumer:
            made, old = author.org.new_key_pair(), app.consumer.pair
            key = made.key if _ROTATIONS[0] in wanted else old.key
            app.consumer.pair = KeyPair(key, made.secret if _ROTATIONS[1] in wanted else old.secret)


class SecuritySettingsType(MetadataType):
    """New in API 67.0: no public file shows what it holds, so the simulated org has no component of it."""

    def listed(self, org: Org) -> Iterable[Listed]:  # noqa: ARG002 - no org has any
        return ()

    def read(self, org: Org, name: str) -> Component | None:  # noqa: ARG002 - no org has any
        return None


def _check_updatable(author: Author, mode: Mode) -> None:
    if mode == "update" and not author.is_deployment and not author.org.settings.external_apps_updatable:
        raise ComponentError("INVALID_TYPE_FOR_OPERATION", "This type of metadata cannot be updated by this call")


def _shown(org: Org) -> dict[str, ExternalApp]:
    if org.settings.external_apps_of_setup_shown:
        return org.external_apps
    return {name: app for name, app in org.external_apps.items() if not app.is_of_setup}


def _shows_certificate(org: Org) -> bool:
    if org.settings.external_certificate_returned == "with_secret_access":
        return shows_secrets(org, "enableConsumerSecretApiAccess")
    return org.settings.external_certificate_returned == "always"


def _written(certificate: Certificate, settings: OrgSettings) -> str:
    if settings.external_certificate_form == "pem":
        return certificate.pem
    if settings.external_certificate_form == "lines":
        return "\n".join(textwrap.wrap(certificate.base64, 64))
    return certificate.base64
