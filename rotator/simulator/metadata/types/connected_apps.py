"""ConnectedApp as the Metadata API writes it (Metadata API Developer Guide, ConnectedApp)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.simulator.metadata.types.changes import Outcome, check_new_consumer
from rotator.simulator.metadata.types.metadata_type import AppType
from rotator.simulator.org.components import ComponentError, check_certificate, differ, missing, returned_scopes
from rotator.simulator.org.schema.connected_app import CONNECTED_APP

if TYPE_CHECKING:
    from rotator.simulator.metadata.types.changes import Author, Mode
    from rotator.simulator.org.apps import App
    from rotator.simulator.org.components import Component
    from rotator.simulator.org.org import Org


class ConnectedAppType(AppType["App"]):
    """Connected Apps."""

    def apps(self, org: Org) -> dict[str, App]:
        return org.apps

    def read(self, org: Org, name: str) -> Component | None:
        app = org.apps.get(name)
        return app.whole_component() if app else None

    def write(self, author: Author, name: str, given: Component, mode: Mode) -> Outcome:
        app = author.org.apps.get(name)
        self.check_mode(mode, name, is_there=app is not None)
        if app is None:
            return self._create(author, name, given)
        before = app.whole_component()
        _put(author, app, self._updated(author, given, before))
        return Outcome(app.id, changed=differ(app.whole_component(), before, self.schema))

    def _updated(self, author: Author, given: Component, before: Component) -> Component:
        oauth = given.get("oauthConfig", {})
        if "consumerKey" in oauth:
            raise ComponentError(author.org.settings.consumer_key_status_code, "You cannot provide a Consumer Key")
        # Settable at creation only, and never returned: a secret that is sent later has no effect.
        given = {**given, "oauthConfig": {**oauth, "consumerSecret": None}} if oauth else given
        if given.get("pluginExecutionUser") not in {before.get("pluginExecutionUser"), *author.org.users}:
            # A user that the org does not have is dropped, not refused.
            given = {**given, "pluginExecutionUser": None}
        return _merged(author, given, before)

    def _create(self, author: Author, name: str, given: Component) -> Outcome:
        org, settings = author.org, author.org.settings
        if settings.creation_restricted:
            raise ComponentError(settings.creation_status_code, settings.creation_message)
        component = _merged(author, given, {})
        oauth = component.setdefault("oauthConfig", {})
        check_new_consumer(org, oauth)
        if oauth.get("consumerSecret") in {each.secret.reveal() for each in org.apps.values()}:
            raise ComponentError("FIELD_INTEGRITY_EXCEPTION", "The consumer secret is already in use", "consumerSecret")
        app = org.build_app(name, component)
        _put(author, app, {**component, "oauthConfig": {**app.oauth, **oauth}})
        org.apps[name] = app
        return Outcome(app.id, created=True)


def _merged(author: Author, given: Component, before: Component) -> Component:
    after = author.merge.apply(CONNECTED_APP, given, before)
    if "oauthConfig" in before and "oauthConfig" not in after:
        # An update submits all required fields, those of the OAuth part too.
        raise missing("callbackUrl")
    oauth = after.get("oauthConfig", {})
    if "certificate" in oauth:
        oauth["certificate"] = check_certificate(oauth["certificate"], author.org.settings).base64
    if "scopes" in oauth:
        oauth["scopes"] = returned_scopes(oauth["scopes"])
    return after


def _put(author: Author, app: App, component: Component) -> None:
    if author.lose_certificate:
        component = {**component, "oauthConfig": {**component["oauthConfig"], "certificate": None}}
    was_blocking = app.blocks_sessions
    app.put(component, author.at, author.user)
    author.touch(app, was_blocking=was_blocking)
