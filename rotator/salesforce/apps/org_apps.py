"""The apps of an org, of whichever kind: read whole, and written whole with nothing but the certificate changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core.crypto.certificates import throwaway
from rotator.core.observed import APPS, CONFIGURED, Kind
from rotator.errors import NOTHING_CHANGED, OrgError, OrgUnavailable, WriteUncertain, before_a_write
from rotator.salesforce.apps.absence import absent, ambiguous
from rotator.salesforce.apps.app import App, without_errors
from rotator.salesforce.apps.connected_app import ConnectedApps
from rotator.salesforce.apps.directory import TYPES_OF, AppDirectory
from rotator.salesforce.apps.external_client_app import ExternalClientApps
from rotator.salesforce.apps.fields import Change, changes, flatten
from rotator.salesforce.component import nothing_to_note
from rotator.salesforce.metadata import MetadataService
from rotator.salesforce.permissions import PERMISSION_HINT, needed_to_see
from rotator.salesforce.soap import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from rotator.core.credentials import Fingerprint
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.kept import Kept
    from rotator.salesforce.apps.acceptance import Acceptance
    from rotator.salesforce.apps.admission import Admission
    from rotator.salesforce.apps.app import AppAdapter
    from rotator.salesforce.apps.directory import Listed
    from rotator.salesforce.component import Component
    from rotator.salesforce.session import OrgSession
    from rotator.salesforce.writing.component_writer import ComponentWriter

_NEVER_SENT: Final = frozenset({"oauthConfig.consumerKey", "oauthConfig.consumerSecret"})
"""Fields that an update leaves out, and that stay as they are."""


class OrgApps:
    """The apps of one org. All calls raise OrgError, OrgUnavailable and LoginRefused."""

    def __init__(
        self,
        session: OrgSession,
        metadata: MetadataService | None = None,
        *,
        kinds: Mapping[str, str] | None = None,
        kept: Kept[Listed] | None = None,
        writer: ComponentWriter | None = None,
    ) -> None:
        """`metadata` is for another clock or other pauses than the usual.

        `kinds` are those that the configuration says, by the folded name of the app; of the others the kind is looked
        up in the org's list, which is kept in `kept`. `writer` says how components are written; updateMetadata does it,
        unless told otherwise.
        """
        self.org: Final = session.org
        self._metadata: Final = metadata or MetadataService(session)
        self._kinds: Final = {app: CONFIGURED[kind] for app, kind in (kinds or {}).items()}
        self._directory: Final = AppDirectory(self._metadata, kept)
        self._adapters: Final[Mapping[Kind, AppAdapter]] = {
            Kind.APP: ConnectedApps(self._metadata),
            Kind.EXTERNAL_APP: ExternalClientApps(self._metadata, self._directory),
        }
        self._writer: Final = writer
        self._seen: Final[dict[str, App]] = {}
        """Each app as it was last read."""

    def read(self, full_name: str) -> App | None:
        """The app; None when it is missing or the program's user may not read it, which Salesforce does not tell apart.

        Raises OrgError when what it holds as a certificate is none, and when there are two apps of the name.
        """
        return self.read_all([full_name])[0]

    def read_all(self, full_names: Sequence[str]) -> list[App | None]:
        """Several apps, ten in a call, in the order asked for. Raises the error of the first that cannot be read."""
        return without_errors(self.read_each(full_names))

    def read_each(self, full_names: Sequence[str]) -> list[App | OrgError | None]:
        """The same; of those that cannot be read the error. Raises what is wrong with the org and with no app."""
        kinds = self._kinds_of(full_names)
        found: dict[str, App | OrgError | None] = {
            name: ambiguous(self.org, name) for name, kind in kinds.items() if kind is None
        }
        for kind, adapter in self._adapters.items():
            names = [name for name in kinds if kinds[name] is kind]
            if names:
                found |= zip(names, adapter.read_each(names), strict=True)
        self._seen.update({name: app for name, app in found.items() if isinstance(app, App)})
        return [found[name] for name in full_names]

    def replace_certificate(
        self,
        full_name: str,
        certificate: Certificate,
        *,
        expecting: Fingerprint | None,
        sends: Callable[[], None] = nothing_to_note,
    ) -> App:
        """Puts another certificate in the place of the live one, and gives the app as it was read back.

        `expecting` is the live certificate as it was observed, None for an app without one: when another is there,
        somebody changed the app meanwhile and nothing is written; nor is anything when another field is not what it was
        when the app was last read, as what is sent back is what the org says of it. When `certificate` is live already
        there is nothing to do. The Metadata API has no conditional write: a change that somebody saves within the
        second between our reading and our writing is overwritten with what was read.
        `sends`: see ComponentWriter.write; it is called as well when the certificate is found live.

        Where the org hides the app's certificate, before and after, all but the certificate is compared, and whether it
        is live only a login proves. Raises OrgError when the app came back without the certificate or with any other
        field changed, WriteUncertain when it is not known whether the write took effect.
        """
        with before_a_write():
            seen, before = self._seen.get(full_name), self._require(full_name)
            if before.certificate == certificate:
                # What was sent before, and has no answer yet, may have put it there since the last look.
                sends()
                return before
            # What a moment ago was hidden cannot have been compared with anything then, and cannot now.
            was_hidden = before.hides_certificate and (seen is None or seen.hides_certificate)
            if before.fingerprint != expecting and not was_hidden:
                raise self._changed_meanwhile(before, expecting)
            if seen and (differing := self._changes(seen, before)):
                raise self._told_twice(before, differing)
            component = self._adapters[before.kind].with_certificate(before, certificate)
        self._write(component, sends)
        after = self._read_back(before)
        self._compare(before, after, certificate)
        return after

    def settle(self) -> bool:
        """Sees to it that nothing that was begun before is still to change the apps that were read.

        Whether there was something, so that they have to be read again. Raises OrgUnavailable where it goes on.
        """
        components = [app.component for app in self._seen.values() if app.component]
        return self._writer.settle(components) if self._writer else False

    def acceptances(self, apps: Sequence[App], now: datetime) -> dict[str, Acceptance]:
        """Whether the org would take these apps with another certificate, by name; nothing is changed."""
        # Deployments are not for who only reads.
        from rotator.salesforce.apps.acceptance import Acceptance, checked  # noqa: PLC0415

        found: dict[str, Acceptance] = {}
        components: dict[str, Component] = {}
        for app in apps:
            certificate = app.certificate or throwaway(now=now)
            try:
                components[app.full_name] = self._adapters[app.kind].with_certificate(app, certificate)
            except OrgError as error:
                found[app.full_name] = Acceptance(app.full_name, refused=error)
        return found | checked(self._metadata, components)

    def check_version(self) -> str:
        """The newest version of its API that the org offers. Raises OrgError when it is older than the one in use."""
        newest = self._metadata.newest_version()
        if float(newest) < float(API_VERSION):
            raise OrgError(
                f"The org {self.org} offers version {newest} of its API at most, and rotator speaks {API_VERSION}.",
                effect=NOTHING_CHANGED,
                hint="Use an older release of rotator until Salesforce has upgraded the org (three times a year).",
            )
        return newest

    def check_access(self) -> tuple[Kind, ...]:
        """The kinds of which the org shows nothing to this user.

        Proves what can be known before the first write: the API is open to the user, and shows apps.

        The Metadata API is closed to those who may not modify metadata, so being let in says that the user has that
        permission. Whether the user may also edit apps, and whether the org has locked them (a managed package, a
        release's restrictions), only the first write tells.
        """
        shown = self._metadata.describe()
        hidden = tuple(kind for kind in self._adapters if not shown.issuperset(TYPES_OF[kind]))
        if APPS.isdisjoint(shown):
            raise OrgError(
                f"The org {self.org} shows the program's user neither connected apps nor external client apps.",
                effect=NOTHING_CHANGED,
                hint=PERMISSION_HINT,
            )
        return hidden

    def absent(self, *full_names: str) -> OrgError:
        """The error for apps that an org does not show, with the cause as far as its list tells."""
        return absent(self.org, full_names, self._directory.listed(), self._kinds)

    def admission(self, app: App) -> Admission | None:
        """Who may log in through an app that was read, by its policies; None where the org does not show them."""
        return self._adapters[app.kind].admission(app)

    def let_only_approved(self, full_name: str, *, only_approved: bool) -> None:
        """Lets only approved users log in through an app, or all who approve it themselves; nothing else of it changes.

        Nothing is written where it is so already. Raises OrgError where the org does not show the policy, and when the
        component came back with another field changed; WriteUncertain when it is not known whether it took effect.
        """
        with before_a_write():
            app = self._require(full_name)
            change = self._adapters[app.kind].with_policy(app, only_approved=only_approved)
            if change is None:
                raise OrgError(
                    f"The org {self.org} does not show the policies of the app {full_name}.",
                    effect=NOTHING_CHANGED,
                    hint=needed_to_see(app.kind),
                )
            before, sent = change.before.fields(), change.sent.fields()
            if not changes(before, sent, ignoring=_NEVER_SENT):
                return
        self._write(change.sent, nothing_to_note)
        [after] = self._metadata.read(change.before.metadata_type, [change.before.full_name])
        wanted = flatten(sent).get(change.field)
        found = after.fields() if after else {}
        differing = changes(before, found, ignoring=_NEVER_SENT | {change.field})
        if flatten(found).get(change.field) != wanted or differing:
            raise OrgError(
                f"The org {self.org} took the policy of the app {full_name}, and shows another one:"
                f" {'; '.join(map(str, differing)) or change.field}.",
                effect="Who may log in through the app is not known for certain.",
                hint="Compare its policies in Setup.",
            )
        self.read(full_name)

    def _kinds_of(self, full_names: Sequence[str]) -> dict[str, Kind | None]:
        """The kind of each app; None where there are two of the name."""
        if all(name.casefold() in self._kinds for name in full_names):
            return {name: self._kinds[name.casefold()] for name in full_names}
        kinds = _kinds_in(self._directory.listed(), full_names, self._kinds)
        if all(len(found) == 1 for found in kinds.values()):
            return {name: found[0] for name, found in kinds.items()}
        # Somebody may have made or deleted an app since.
        kinds = _kinds_in(self._directory.look_again(), full_names, self._kinds)
        return {name: None if len(found) > 1 else found[0] if found else Kind.APP for name, found in kinds.items()}

    def _require(self, full_name: str) -> App:
        app = self.read(full_name)
        if app is None:
            raise self.absent(full_name)
        return app

    def _write(self, component: Component, sends: Callable[[], None]) -> None:
        if self._writer:
            self._writer.write(component, sends)
            return
        sends()
        self._metadata.update(component)

    def _read_back(self, before: App) -> App:
        try:
            return self._require(before.full_name)
        except OrgUnavailable as error:
            raise WriteUncertain(
                f"The org {self.org} took the new certificate of {before.full_name}, and could not be read afterwards.",
                effect="The new certificate is most likely live.",
                hint=error.hint,
                rerun=error.rerun,
            ) from None

    def _compare(self, before: App, after: App, certificate: Certificate) -> None:
        is_hidden = before.hides_certificate and after.hides_certificate
        if after.certificate != certificate and not is_hidden:
            held = f"the certificate {after.fingerprint}" if after.certificate else "no certificate"
            raise OrgError(
                f"The org {self.org} took the new certificate of {after.full_name}, but the app holds {held}.",
                effect="Logins through this app fail until it holds a certificate whose key is known.",
                hint=f"If it lasts, upload the certificate {certificate.fingerprint} in Setup.",
                rerun="Run it again.",
            )
        differing = self._changes(before, after)
        if differing:
            raise self._more_changed(after, differing)

    def _changes(self, before: App, after: App) -> list[Change]:
        if before.kind is not after.kind:
            return [Change("kind", before.kind.noun, after.kind.noun)]
        return changes(before.fields(), after.fields(), ignoring=self._adapters[after.kind].not_compared)

    def _more_changed(self, after: App, differing: list[Change]) -> OrgError:
        return OrgError(
            f"With the certificate of {after.full_name} in the org {self.org} other fields changed: "
            f"{'; '.join(map(str, differing))}.",
            effect="The new certificate is live." if after.certificate else "The new certificate was taken.",
            hint="Compare the app with its setup in Setup, and put back what should not have changed.",
        )

    def _changed_meanwhile(self, app: App, expecting: Fingerprint | None) -> OrgError:
        return OrgError(
            f"The certificate of {app.full_name} in the org {self.org} is {app.fingerprint or 'gone'}, "
            f"not {expecting or 'absent'} as before: somebody changed it meanwhile.",
            effect=NOTHING_CHANGED,
            rerun="Run it again; it starts from what is there now.",
        )

    def _told_twice(self, app: App, differing: list[Change]) -> OrgUnavailable:
        return OrgUnavailable(
            f"What the org {self.org} says of the app {app.full_name} is not what it said a moment ago: "
            f"{'; '.join(map(str, differing))}.",
            effect=NOTHING_CHANGED,
            hint="If nobody changes the app just now, the org, or what stands before it, does not answer as it should.",
            rerun="Run it again; it starts from what is there now.",
        )


def _kinds_in(listed: Listed, full_names: Sequence[str], configured: Mapping[str, Kind]) -> dict[str, tuple[Kind, ...]]:
    """The kinds in which there is an app of each name; the one that the configuration says is the only one."""
    said = {name: configured.get(name.casefold()) for name in full_names}
    return {name: (kind,) if kind else listed.kinds_of(name) for name, kind in said.items()}
