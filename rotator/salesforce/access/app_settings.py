"""Every app of an org with its policies and its scopes: listed in two calls, and read by one retrieve."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar, cast

from rotator.core.observed import Kind
from rotator.core.posture.app_rules import ENDLESS, ENFORCED
from rotator.core.posture.facts import AppFacts, Hidden, KeyFacts, PolicyFacts, key_facts
from rotator.errors import OrgError
from rotator.salesforce.apps.admission import of_connected_app, of_external_client_app
from rotator.salesforce.apps.connected_app import app_of
from rotator.salesforce.apps.directory import POLICIES_TYPE, SETTINGS_TYPE, names_by_type
from rotator.salesforce.apps.external_client_app import APP_ELEMENT, external_app_of
from rotator.salesforce.inventory.retrieval import retrieved
from rotator.salesforce.permissions import SHOWS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from rotator.salesforce.apps.app import App
    from rotator.salesforce.component import Component
    from rotator.salesforce.metadata import MetadataService

_F = TypeVar("_F", bound="Hashable")

SCOPES_TYPE: Final = "ExtlClntAppOauthSettings"
"""The satellite of an external client app that has its scopes."""

_TYPES: Final = (Kind.APP, Kind.EXTERNAL_APP, SETTINGS_TYPE, POLICIES_TYPE, SCOPES_TYPE)
_SATELLITES: Final = (SETTINGS_TYPE, POLICIES_TYPE, SCOPES_TYPE)
_SYNONYMS: Final = {"OfflineAccess": "RefreshToken"}
"""Of scopes: two names of one (Metadata API Developer Guide, ConnectedApp)."""


def all_apps(metadata: MetadataService) -> tuple[AppFacts, ...]:
    """What is known of each app with OAuth settings. Raises OrgError and OrgUnavailable."""
    listed, refused = names_by_type(metadata, _TYPES)
    found: dict[str, list[Component]] = defaultdict(list)
    for component in retrieved(metadata, listed):
        found[component.metadata_type].append(component)
    apps = [_connected_app(metadata.org, each) for each in found[Kind.APP] if each.has("oauthConfig")]
    return (*apps, *_external_apps(metadata.org, found, frozenset(refused)))


def _connected_app(org: str, component: Component) -> AppFacts:
    fields = component.fields()
    oauth, policy, session = (_group(fields, name) for name in ("oauthConfig", "oauthPolicy", "sessionPolicy"))
    admission = of_connected_app(component.full_name, fields)
    scopes = oauth.get("scopes", ())
    return AppFacts(
        name=component.full_name,
        label=component.text("label"),
        is_connected_app=True,
        client_id=component.text("oauthConfig", "consumerKey"),
        key=_key(lambda: app_of(org, component)),
        policies=_once(
            PolicyFacts(
                only_approved=admission.only_approved,
                profiles=admission.profiles,
                permission_sets=admission.permission_sets,
                # What is not there is at its default (Metadata API Developer Guide, ConnectedApp).
                ip_relaxation=str(policy.get("ipRelaxation", ENFORCED)),
                refresh_tokens=str(policy.get("refreshTokenPolicy", ENDLESS)),
                session_level=str(session.get("sessionLevel", "")),
            )
        ),
        scopes=_scopes(scopes if isinstance(scopes, list) else [scopes]),
    )


def _external_apps(org: str, found: Mapping[str, Sequence[Component]], refused: frozenset[str]) -> list[AppFacts]:
    parts = {each: {part.text(APP_ELEMENT).casefold(): part for part in found.get(each, ())} for each in _SATELLITES}

    def of(app: str) -> dict[str, Component | None]:
        return {each: parts[each].get(app.casefold()) for each in _SATELLITES}

    headers = found.get(Kind.EXTERNAL_APP, ())
    apps = [_external_app(org, header, of(header.full_name), refused) for header in headers]
    # An org shows the certificates of all of them or of none: where one is shown, the others hold none.
    if not any(isinstance(app.key, KeyFacts) for app in apps):
        return apps
    return [replace(app, key=None) if isinstance(app.key, Hidden) and app.client_id else app for app in apps]


def _external_app(
    org: str, header: Component, parts: Mapping[str, Component | None], refused: frozenset[str]
) -> AppFacts:
    settings, policies, scopes = (parts[each] for each in _SATELLITES)
    return AppFacts(
        name=header.full_name,
        label=header.text("label") or header.full_name,
        is_connected_app=False,
        client_id=settings.text("consumerKey") if settings else "",
        key=_key(lambda: external_app_of(org, settings)) if settings else _UNSEEN if SETTINGS_TYPE in refused else None,
        policies=_policies(header.full_name, policies) if policies else _not_told(header.full_name, "policies"),
        scopes=_listed_scopes(scopes) if scopes else _not_told(header.full_name, "scopes"),
    )


_UNSEEN: Final = Hidden(f'the permission "{SHOWS[Kind.EXTERNAL_APP]}"')


def _not_told(app: str, what: str) -> Hidden:
    return Hidden(f'the org to show the {what} of {app}, which takes the permission "{SHOWS[Kind.EXTERNAL_APP]}"')


def _policies(app: str, component: Component) -> PolicyFacts:
    fields = component.fields()
    admission = of_external_client_app(app, fields)
    return _once(
        PolicyFacts(
            only_approved=admission.only_approved,
            profiles=admission.profiles,
            permission_sets=admission.permission_sets,
            ip_relaxation=str(fields.get("ipRelaxationPolicyType", "")).upper(),
            refresh_tokens=str(fields.get("refreshTokenPolicyType", "")).lower(),
            session_level=str(fields.get("requiredSessionLevel", "")),
        )
    )


def _listed_scopes(component: Component) -> frozenset[str]:
    return _scopes(component.text("commaSeparatedOauthScopes").split(","))


def _scopes(names: Sequence[object]) -> frozenset[str]:
    plain = (str(name).strip() for name in names)
    return _once(frozenset(_SYNONYMS.get(name, name) for name in plain if name))


def _once(facts: _F) -> _F:
    """The same object for equal facts: an audit keeps those of all apps of all orgs, most of which are alike."""
    return cast("_F", _first(facts))


@lru_cache(maxsize=256)
def _first(facts: Hashable) -> Hashable:
    return facts


def _group(fields: Mapping[str, object], name: str) -> Mapping[str, object]:
    group = fields.get(name)
    return group if isinstance(group, dict) else {}


def _key(read: Callable[[], App]) -> KeyFacts | Hidden | None:
    """What is known of the certificate of an app; of a hidden one, that it is."""
    try:
        app = read()
    except OrgError as error:
        return Hidden(f"a certificate that can be read: {error.message}")
    if app.certificate is None:
        return Hidden(f"the org to show the certificate of {app.full_name}") if app.hides_certificate else None
    return None if app.certificate.is_throwaway else key_facts(app.certificate)
