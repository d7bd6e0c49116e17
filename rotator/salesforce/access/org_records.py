"""Records of an org over the REST API: found by queries, made and deleted one by one."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from rotator.core.retry import Waiting
from rotator.errors import LoginRefused, OrgError, OrgUnavailable
from rotator.net.limits import KILOBYTE, MEGABYTE
from rotator.net.shapes import Fields
from rotator.salesforce.faults import NotThere, from_status, in_shape
from rotator.salesforce.metadata import ATTEMPTS, PATIENCE, PAUSES, nothing_done, worth_repeating
from rotator.salesforce.permissions import needed_for_records
from rotator.salesforce.record_values import is_id
from rotator.salesforce.rest import Api, query, refusal, refusal_of_id, resource
from rotator.salesforce.soap import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

    from rotator.core.secret import Secret
    from rotator.salesforce.session import OrgSession

_T = TypeVar("_T")

_OBJECT: Final = re.compile(r"\bFROM\s+(\w+)\s*(?:WHERE|ORDER|GROUP|LIMIT|$)", re.IGNORECASE)
_SIZE: Final = 64 * KILOBYTE
"""Of the answer to a write, which says an id, or why not."""
_DESCRIBE_SIZE: Final = 4 * MEGABYTE
"""Of what an object is: PermissionSet has some 500 fields of 2 kB."""


class OrgRecords:
    """The records that the program's user may see and change in one org.

    All calls raise OrgError, OrgUnavailable and LoginRefused. What the user may not do says which permission it takes.
    """

    def __init__(self, session: OrgSession, waiting: Waiting | None = None) -> None:
        """Calls nothing yet; `waiting` is for another patience than the usual, or other clocks."""
        self.org: Final = session.org
        self._session: Final = session
        self._waiting: Final = waiting or Waiting(PATIENCE)

    def select(self, text: str) -> list[Fields]:
        """All rows that a query finds (SOQL and SOSL Reference). Texts of others go in by `quoted` alone."""

        def once(instance_url: str, token: Secret) -> list[Fields]:
            return query(self.org, self._session.transport, instance_url, token, text, api=Api.DATA)

        found = _OBJECT.search(text)
        return self._permitted(found[1] if found else "", worth_repeating, partial(self._session.call, once))

    def read(self, text: str, understood: Callable[[Fields], _T]) -> list[_T]:
        """What `understood` makes of each of these rows; it raises WrongShape for one that is not what it must be."""
        with in_shape(self.org, Api.DATA):
            return [understood(row) for row in self.select(text)]

    def fields_of(self, name: str) -> frozenset[str]:
        """The fields that an object has in this org (REST API Developer Guide, sObject Describe)."""

        def once(instance_url: str, token: Secret) -> frozenset[str]:
            address = f"{instance_url}/services/data/v{API_VERSION}/sobjects/{name}/describe"
            response = self._session.transport.get(address, token=token, size=_DESCRIBE_SIZE)
            if response.status_code != 200:
                raise refusal(self.org, response, Api.DATA)
            with in_shape(self.org, Api.DATA):
                return frozenset(field.text("name") for field in Fields.parsed(response.content).objects("fields"))

        return self._permitted(name, worth_repeating, partial(self._session.call, once))

    def create(self, name: str, fields: Mapping[str, str]) -> str:
        """Makes a record of an object, and gives its id. Raises AnswerLost when it is not known whether it was made."""
        answer = self._write("POST", name, name, fields)
        with in_shape(self.org, Api.DATA):
            return Fields.parsed(answer.content).text("id", required=True)

    def delete(self, name: str, record_id: str) -> bool:
        """Deletes a record; False when it is not there. Raises OrgError for what is no id of a record."""
        if not is_id(record_id):
            raise from_status(self.org, 200, Api.DATA, f"what it tells as the id of a {name} is none")
        try:
            self._write("DELETE", name, f"{name}/{record_id}", None)
        except NotThere:
            return False
        return True

    def _write(self, method: str, name: str, path: str, sent: Mapping[str, str] | None) -> requests.Response:
        def once(instance_url: str, token: Secret) -> requests.Response:
            transport, address = self._session.transport, f"sobjects/{path}"
            return resource(self.org, transport, instance_url, token, method, address, sent=sent, size=_SIZE)

        # What was deleted once is not there when it is deleted again; what is made twice is there twice.
        again = worth_repeating if method == "DELETE" else nothing_done
        return self._permitted(name, again, lambda: self._answered(self._session.change(once)), changes=True)

    def _answered(self, response: requests.Response) -> requests.Response:
        if response.status_code < 300:
            return response
        raise refusal_of_id(self.org, response, Api.DATA)

    def _permitted(
        self, name: str, again: Callable[[Exception], bool], call: Callable[[], _T], *, changes: bool = False
    ) -> _T:
        try:
            return self._waiting.call(call, again=again, back_off=PAUSES, at_most=ATTEMPTS)
        except (LoginRefused, OrgUnavailable, NotThere):
            raise
        except OrgError as error:
            hint = needed_for_records(name, changes=changes)
            raise OrgError(error.message, effect=error.effect, hint=hint or error.hint) from None
