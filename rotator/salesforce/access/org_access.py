"""Access to the apps of one org: what lets a user in, what was given out to him, and the end of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from rotator.core.lifecycle.revocation import AccessGrant, GivenBy
from rotator.core.posture.user_permissions import SHOWING_SESSIONS, SHOWING_TOKENS
from rotator.core.retry import Waiting
from rotator.errors import NOTHING_CHANGED, OrgError, OrgUnavailable
from rotator.net.limits import KILOBYTE
from rotator.net.shapes import Fields, WrongShape
from rotator.salesforce.access.admitted_users import AdmittedUsers
from rotator.salesforce.access.login_history import LoginHistory
from rotator.salesforce.access.oauth_tokens import tokens_of
from rotator.salesforce.access.org_records import OrgRecords
from rotator.salesforce.access.users import OrgUsers
from rotator.salesforce.faults import from_status
from rotator.salesforce.metadata import ATTEMPTS, PATIENCE, PAUSES, worth_repeating
from rotator.salesforce.permissions import give, needed_to_see
from rotator.salesforce.record_values import quoted, soql_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.core.secret import Secret
    from rotator.salesforce.access.oauth_tokens import OauthToken
    from rotator.salesforce.apps.app import App
    from rotator.salesforce.apps.org_apps import OrgApps
    from rotator.salesforce.session import OrgSession

_SIZE: Final = 16 * KILOBYTE
"""Of the answer to a revocation, which is empty or says why not."""
_GIVEN_TO: Final = "SELECT Id FROM SetupEntityAccess WHERE SetupEntityId = {app} AND ParentId = {holder}"
_SESSIONS: Final = "SELECT Id, LoginHistory.Application FROM AuthSession WHERE UsersId = {user}"
_GONE: Final = "invalid_token"
_DUPLICATE: Final = "DUPLICATE_VALUE"


@dataclass(frozen=True)
class AuthSession:
    """One live session of a user, which can be ended (Object Reference, AuthSession)."""

    id: str
    application: str
    """Label of the app that it was opened through; empty where the org does not tell."""


class OrgAccess:
    """All calls raise OrgError, OrgUnavailable and LoginRefused. Each may be made again: what is so stays so."""

    def __init__(self, session: OrgSession, apps: OrgApps, waiting: Waiting | None = None) -> None:
        """Calls nothing yet; `waiting` is for another patience than the usual, or other clocks."""
        self.org: Final = session.org
        self._session: Final = session
        self._apps: Final = apps
        self._waiting: Final = waiting or Waiting(PATIENCE)
        self._records: Final = OrgRecords(session, waiting)
        self._admitted: Final = AdmittedUsers(self._records)
        self._identities: Final[dict[str, tuple[str, str]]] = {}
        self._user_ids: Final[dict[str, str]] = {}
        self._own_permissions: frozenset[str] | None = None

    def grants(self, app: App, username: str) -> tuple[AccessGrant, ...]:
        """What lets a user log in through an app, what is his alone first."""
        app_id, _ = self._identity(app)
        given = [
            AccessGrant(
                app.full_name,
                app_id,
                each.given_by,
                each.name,
                each.holder_id,
                each.user_id,
                expires=soql_time(each.expires_at) if each.expires_at else "",
            )
            for each in self._admitted.assignments(app_id, username=username)
        ]
        if not self._lets_only_approved(app):
            given.append(AccessGrant(app.full_name, app_id, GivenBy.POLICY, user_id=self._user_id(username)))
        return tuple(sorted(given, key=lambda each: each.is_shared))

    def others(self, grant: AccessGrant, username: str) -> tuple[str, ...] | None:
        """Who else loses the app with a grant that is shared; None where nobody can tell, as all users may."""
        if grant.given_by is GivenBy.POLICY:
            return None
        if not grant.is_shared:
            return ()
        who = self._admitted.users_of(grant.holder_id)
        return tuple(each for each in who if each.casefold() != username.casefold())

    def is_own(self, grant: AccessGrant) -> bool:
        """Whether the user of a grant is the one that the program itself logs in as."""
        return bool(grant.user_id) and grant.user_id[:15] == self._session.user_id[:15]

    def withdraw(self, grant: AccessGrant) -> None:
        """Takes a grant away: the user's assignment, the app from the profile, or the app's policy for all."""
        match grant.given_by:
            case GivenBy.POLICY:
                self._apps.let_only_approved(grant.app, only_approved=True)
            case GivenBy.PROFILE:
                text = _GIVEN_TO.format(app=quoted(grant.app_id), holder=quoted(grant.holder_id))
                for record_id in self._records.read(text, lambda row: row.text("Id", required=True)):
                    self._records.delete("SetupEntityAccess", record_id)
            case GivenBy.PERMISSION_SET | GivenBy.GROUP:
                # An app may be given to more users than can be read.
                for assignment in self._admitted.assignments(grant.app_id, user_id=grant.user_id):
                    if assignment.user_id == grant.user_id and assignment.holder_id == grant.holder_id:
                        self._records.delete("PermissionSetAssignment", assignment.id)

    def give_back(self, grant: AccessGrant) -> None:
        """Gives a grant back as it was; nothing happens where it is there."""
        match grant.given_by:
            case GivenBy.POLICY:
                self._apps.let_only_approved(grant.app, only_approved=False)
            case GivenBy.PROFILE:
                self._create("SetupEntityAccess", ParentId=grant.holder_id, SetupEntityId=grant.app_id)
            case GivenBy.PERMISSION_SET:
                self._assign(grant, PermissionSetId=grant.holder_id)
            case GivenBy.GROUP:
                self._assign(grant, PermissionSetGroupId=grant.holder_id)

    def tokens(self, app: App, username: str) -> list[OauthToken]:
        """The tokens that an app gave out to a user."""
        self._refuse_hidden("tokens", SHOWING_TOKENS, username)
        app_id, label = self._identity(app)
        return [each for each in tokens_of(self._records, username) if each.is_of(app_id, label)]

    def sessions(self, app: App, username: str) -> list[AuthSession]:
        """The live sessions of a user of which the org says that they were opened through an app."""
        self._refuse_hidden("sessions", SHOWING_SESSIONS, username)
        _, label = self._identity(app)
        user_id = self._user_id(username)
        if not user_id:
            return []
        read = self._records.read(_SESSIONS.format(user=quoted(user_id)), _session)
        return [each for each in read if each.application == label]

    def revoke(self, token: OauthToken) -> bool:
        """Revokes a token, and what was given out for it. False when it was revoked already.

        Salesforce Help, Revoke OAuth Tokens.
        """

        def once(instance_url: str, _token: Secret) -> bool:
            form = {"token": token.delete_token.reveal()}
            response = self._session.transport.post(f"{instance_url}/services/oauth2/revoke", form, size=_SIZE)
            if response.status_code == HTTPStatus.OK:
                return True
            try:
                error = Fields.parsed(response.content).text("error")
            except WrongShape:
                error = ""
            if response.status_code == HTTPStatus.BAD_REQUEST and error == _GONE:
                return False
            raise from_status(self.org, response.status_code, "revocation of tokens", error)

        # To revoke what is revoked does no harm.
        ask = partial(self._session.change, once)
        return self._waiting.call(ask, again=worth_repeating, back_off=PAUSES, at_most=ATTEMPTS)

    def end(self, session: AuthSession) -> bool:
        """Ends a session: its access token is refused from now on. False when it was over already."""
        return self._records.delete("AuthSession", session.id)

    def _identity(self, app: App) -> tuple[str, str]:
        if app.full_name not in self._identities:
            self._identities[app.full_name] = self._admitted.identity(app)
        return self._identities[app.full_name]

    def _user_id(self, username: str) -> str:
        """Empty where the org does not show the user."""
        if username not in self._user_ids:
            self._user_ids[username] = LoginHistory(self._session).user_ids([username]).get(username, "")
        return self._user_ids[username]

    def _refuse_hidden(self, what: str, showing: Mapping[str, str], username: str) -> None:
        """Raises OrgError for rows of others where the permission is missing: an org leaves them out without a word."""
        if self._own_permissions is None:
            names = [*SHOWING_TOKENS, *SHOWING_SESSIONS]
            self._own_permissions = OrgUsers(self._records).held_by(self._session.user_id, names)
        if self._own_permissions.isdisjoint(showing) and self._user_id(username)[:15] != self._session.user_id[:15]:
            raise OrgError(
                f"The org {self.org} shows the program's user his own {what} only, and not those of {username}.",
                effect=NOTHING_CHANGED,
                hint=give(*showing.values()),
            )

    def _lets_only_approved(self, app: App) -> bool:
        admission = self._apps.admission(app)
        if admission is None:
            raise OrgError(
                f"The org {self.org} does not show who may use the app {app.full_name}.",
                effect=NOTHING_CHANGED,
                hint=needed_to_see(app.kind),
            )
        return admission.only_approved

    def _assign(self, grant: AccessGrant, **holder: str) -> None:
        expires = {"ExpirationDate": grant.expires} if grant.expires else {}
        self._create("PermissionSetAssignment", AssigneeId=grant.user_id, **holder, **expires)

    def _create(self, name: str, **fields: str) -> None:
        try:
            self._records.create(name, fields)
        except OrgUnavailable:
            raise
        except OrgError as error:
            if _DUPLICATE not in error.message:
                raise


def _session(row: Fields) -> AuthSession:
    return AuthSession(row.text("Id", required=True), row.fields("LoginHistory").text("Application"))
