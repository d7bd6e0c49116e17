"""A thin layer over moto: what AWS documents and moto does not enforce, and faults to order.

The rules are those of the operations' own texts in AWS's service model (Secrets Manager, 2017-10-17). What is kept is
kept by moto; what is refused is refused before moto hears of it.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from werkzeug.wrappers import Response

from tests.contract.servers import moto

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

    from tests.contract.servers.moto import Ask

LARGEST_VALUE: Final = 65_536
MOST_LABELS: Final = 20
"""Of all versions of a secret together (User Guide, "Quotas")."""
WRITES: Final = frozenset({"CreateSecret", "PutSecretValue", "UpdateSecretVersionStage"})
ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"


class Refusal(Exception):
    """An answer that is an error, in AWS's form."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.response = Response(
            json.dumps({"__type": code, "message": message}), status, content_type="application/x-amz-json-1.1"
        )


@dataclass(frozen=True)
class Seen:
    """What reads of a secret still show after a write: the state before it."""

    describe: Response
    labels: Mapping[str, str]
    versions: frozenset[str]


@dataclass(frozen=True)
class Asked:
    """A call: by whose key, in which region, and what for."""

    action: str
    key_id: str
    region: str
    session: str
    parameters: Mapping[str, Any]

    @classmethod
    def of(cls, action: str, headers: Mapping[str, str], parameters: Mapping[str, Any]) -> Asked:
        """As the scope of the signature says it; a call by a token of an issuer's has none."""
        signed = headers.get("Authorization", "Credential=//")
        key_id, _, region, *_ = signed.partition("Credential=")[2].split("/")
        return cls(action, key_id, region, headers.get("X-Amz-Security-Token", ""), parameters)


@dataclass
class Faults:
    """What goes wrong, by order of a test."""

    throttle_every: int = 0
    """Each n-th call is one too many."""
    lose_every: int = 0
    """The answer of each n-th write is lost: it is done, and AWS says that it failed."""
    stale_reads: int = 0
    """How many reads after a write still show the state before it."""
    denied: frozenset[str] = frozenset()
    """Actions that no policy allows, such as `secretsmanager:GetSecretValue`."""
    denied_after: int | None = None
    """How many calls are still allowed; None allows all."""
    policy: Mapping[str, Any] | None = None
    """The IAM policy of whoever calls; None allows everything."""
    hang_up_on: str | None = None
    """The action in whose answer the connection breaks."""
    garbled: bool = False
    """Something else than AWS answers everything."""
    errors: dict[str, str] = field(default_factory=dict)
    """Action -> code of the error that it always answers."""
    words: str = ""
    """What such an error says; by itself that it is by order."""
    once: list[tuple[str, str]] = field(default_factory=list)
    """(action, code of the error) that the next such call answers."""
    described: Mapping[str, Any] = field(default_factory=dict)
    """What DescribeSecret says besides, whatever the secret is."""


class StrictAws:
    """The layer."""

    def __init__(self, ask_moto: Ask = moto.answer) -> None:
        self._ask_moto: Final = ask_moto
        self._lock: Final = threading.Lock()
        self._stale: dict[str, tuple[Seen, int]] = {}
        self.clear()

    def clear(self) -> None:
        """Everything goes well from here on, and nothing was called yet."""
        self.faults = Faults()
        self.calls: list[str] = []
        self.asked: list[Asked] = []
        self._writes = 0
        self._stale.clear()

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """The answer to a request; None: the connection breaks instead."""
        with self._lock:
            try:
                response = self._answer(path, headers, body)
            except Refusal as refusal:
                response = refusal.response
            if self.faults.hang_up_on and self.calls[-1:] == [self.faults.hang_up_on]:
                return None
            if self.faults.garbled:
                return Response("<html>Please log in to the network.</html>", content_type="text/html")
        return response

    def labels(self, secret: str) -> dict[str, str]:
        """Label -> version id, as moto keeps them."""
        return self._labels(self._ask("DescribeSecret", {"SecretId": secret}))

    def value(self, secret: str, label: str) -> str:
        """What the version with a label holds, as moto keeps it."""
        version = self.labels(secret)[label]
        found = self._ask("GetSecretValue", {"SecretId": secret, "VersionId": version})
        return str(json.loads(found.get_data())["SecretString"])

    def ask(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Calls moto past all rules, as a person at the console would."""
        answer = self._ask(action, parameters)
        assert answer.status_code == 200, answer.get_data()
        told: dict[str, Any] = json.loads(answer.get_data())
        return told

    def _answer(self, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        target = headers.get("X-Amz-Target", "")
        if not target.startswith("secretsmanager."):
            return self._other_service(path, headers, body)
        action, parameters = target.partition(".")[2], json.loads(body)
        self.calls.append(action)
        self.asked.append(Asked.of(action, headers, parameters))
        self._refuse_by_order(action, parameters)
        secret = str(parameters.get("SecretId") or parameters.get("Name"))
        if action in WRITES:
            return self._write(action, secret, parameters)
        return self._read(action, secret, parameters)

    def _other_service(self, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        parameters = dict(parse_qsl(body.decode()))
        action = "sts:" + parameters.get("Action", "")
        self.calls.append(action)
        self.asked.append(Asked.of(action, headers, parameters))
        code = "AccessDenied" if action in self.faults.denied else self.faults.errors.get(action)
        if code:
            text = f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
            return Response(text, 403, content_type="text/xml")
        return self._ask_moto("sts", path, headers, body)

    def _refuse_by_order(self, action: str, parameters: Mapping[str, Any]) -> None:
        faults, name = self.faults, f"secretsmanager:{action}"
        if faults.throttle_every and len(self.calls) % faults.throttle_every == 0:
            raise Refusal("ThrottlingException", "Rate exceeded")
        if action in faults.errors:
            raise Refusal(faults.errors[action], faults.words or f"{action} fails by order")
        if faults.once and faults.once[0][0] == action:
            raise Refusal(faults.once.pop(0)[1], f"{action} fails once by order")
        allowed = faults.policy is None or _allows(faults.policy, name, parameters)
        lost = faults.denied_after is not None and len(self.calls) > faults.denied_after
        if name in faults.denied or lost or not allowed:
            raise Refusal("AccessDeniedException", f"User is not authorized to perform: {name}")

    def _write(self, action: str, secret: str, parameters: dict[str, Any]) -> Response:
        described = self._ask("DescribeSecret", {"SecretId": secret})
        labels = self._labels(described)
        _refuse_size(parameters)
        _refuse_name(action, secret)
        if described.status_code == 200 and json.loads(described.get_data()).get("DeletedDate"):
            raise Refusal("InvalidRequestException", "The secret is scheduled for deletion.")
        before = Seen(self._shown(described), labels, frozenset(_versions(described)))
        if action == "UpdateSecretVersionStage":
            response = self._move(described, parameters)
        else:
            response = self._store(action, secret, described, parameters)
        self._stale[secret] = (before, self.faults.stale_reads)
        self._writes += 1
        if self.faults.lose_every and self._writes % self.faults.lose_every == 0:
            raise Refusal("InternalServiceError", "The answer is lost.", 500)
        return response

    def _store(self, action: str, secret: str, described: Response, parameters: dict[str, Any]) -> Response:
        token = str(parameters["ClientRequestToken"])
        if not 32 <= len(token) <= 64:
            raise Refusal("InvalidParameterException", "ClientRequestToken has 32 to 64 characters.")
        if token in _versions(described):
            found = self._ask("GetSecretValue", {"SecretId": secret, "VersionId": token})
            if json.loads(found.get_data()).get("SecretString") != parameters["SecretString"]:
                raise Refusal("ResourceExistsException", "A version with this id has another value.")
            return found
        if len(self._labels(described)) >= MOST_LABELS:
            raise Refusal("LimitExceededException", "A secret has 20 labels at the most.")
        if action == "CreateSecret" and described.status_code == 200:
            raise Refusal("ResourceExistsException", "A secret with this name exists.")
        return self._ask(action, parameters)

    def _move(self, described: Response, parameters: dict[str, Any]) -> Response:
        label = parameters["VersionStage"]
        holder = self._labels(described).get(label)
        to, source = parameters.get("MoveToVersionId"), parameters.get("RemoveFromVersionId")
        if label == "AWSCURRENT" and to is None:
            raise Refusal("InvalidParameterException", "AWSCURRENT can be moved, and not be removed.")
        if source is not None and source != holder:
            raise Refusal("InvalidParameterException", "The label is not on RemoveFromVersionId.")
        if to is not None and holder not in {None, to} and source is None:
            raise Refusal("InvalidParameterException", "The label is on another version: give RemoveFromVersionId.")
        if to is not None and to not in _versions(described):
            raise Refusal("ResourceNotFoundException", "There is no such version.")
        if to is not None and to == holder:
            return Response(described.get_data(), content_type="application/x-amz-json-1.1")
        return self._ask("UpdateSecretVersionStage", parameters)

    def _read(self, action: str, secret: str, parameters: dict[str, Any]) -> Response:
        seen = self._seen(secret)
        if action == "DescribeSecret":
            return seen.describe if seen else self._shown(self._ask(action, parameters))
        if action in {"GetResourcePolicy", "TagResource"}:
            return self._ask(action, parameters)
        assert action == "GetSecretValue", f"the least policy does not allow {action}"
        if seen:
            _refuse_unseen(seen, parameters)
            if "VersionId" in parameters:
                parameters.pop("VersionStage", None)
        if "VersionId" not in parameters:
            parameters.setdefault("VersionStage", "AWSCURRENT")
        return self._ask(action, parameters)

    def _seen(self, secret: str) -> Seen | None:
        seen, left = self._stale.get(secret, (None, 0))
        if seen is None or left == 0:
            return None
        self._stale[secret] = (seen, left - 1)
        return seen

    def _shown(self, described: Response) -> Response:
        """What DescribeSecret shows: versions with a label only."""
        if described.status_code != 200:
            return described
        found = json.loads(described.get_data()) | self.faults.described
        fields = {name: value for name, value in found.items() if value is not None}
        labelled = {version: labels for version, labels in fields.get("VersionIdsToStages", {}).items() if labels}
        return Response(
            json.dumps({**fields, "VersionIdsToStages": labelled}), content_type="application/x-amz-json-1.1"
        )

    def _labels(self, described: Response) -> dict[str, str]:
        return {label: version for version, labels in _stages(described).items() for label in labels}

    def _ask(self, action: str, parameters: Mapping[str, Any]) -> Response:
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"secretsmanager.{action}",
            # moto finds service and region in the scope of the signature, and does not check it.
            "Authorization": f"AWS4-HMAC-SHA256 Credential=key/20260101/{REGION}/secretsmanager/aws4_request",
        }
        return self._ask_moto("secretsmanager", "/", headers, json.dumps(parameters).encode())


class _Handler(BaseHTTPRequestHandler):
    """One connection, which is kept as AWS keeps it. Nothing is logged: what is in a test's log is the program's."""

    layer: StrictAws
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """A call."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.layer.answer(self.path, dict(self.headers), body)
        if answer is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status_code)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.get_data())

    def log_message(self, *_arguments: object) -> None:
        """See above."""


@contextmanager
def strict_aws(ask_moto: Ask = moto.answer, *, tls: ssl.SSLContext | None = None) -> Iterator[tuple[StrictAws, str]]:
    """The layer, and its address while it is served on a free port of loopback."""
    layer = StrictAws(ask_moto)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_LayerHandler", (_Handler,), {"layer": layer}))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield layer, f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _stages(described: Response) -> dict[str, list[str]]:
    if described.status_code != 200:
        return {}
    stages: dict[str, list[str]] = json.loads(described.get_data()).get("VersionIdsToStages") or {}
    return stages


def _versions(described: Response) -> list[str]:
    return list(_stages(described))


def _refuse_size(parameters: Mapping[str, Any]) -> None:
    if len(str(parameters.get("SecretString", "")).encode()) > LARGEST_VALUE:
        raise Refusal("ValidationException", "SecretString is too long.")


def _refuse_name(action: str, secret: str) -> None:
    if action == "CreateSecret" and not re.fullmatch(r"[A-Za-z0-9/_+=.@-]{1,512}", secret, re.ASCII):
        raise Refusal("ValidationException", "Invalid name.")


def _refuse_unseen(seen: Seen, parameters: Mapping[str, Any]) -> None:
    version = parameters.get("VersionId")
    label = parameters.get("VersionStage")
    if version is not None and version not in seen.versions:
        raise Refusal("ResourceNotFoundException", "There is no such version.")
    if label is not None and label not in seen.labels:
        raise Refusal("ResourceNotFoundException", "No version has this label.")
    if version is not None and label is not None and seen.labels[label] != version:
        raise Refusal("InvalidRequestException", "The version does not have this label.")


def _allows(policy: Mapping[str, Any], action: str, parameters: Mapping[str, Any]) -> bool:
    secret = str(parameters.get("SecretId") or parameters.get("Name"))
    arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{secret}-AbCdEf"
    return any(
        action in statement["Action"]
        and fnmatchcase(arn, statement["Resource"])
        and _meets(statement.get("Condition", {}), parameters)
        for statement in policy["Statement"]
    )


def _meets(condition: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    """By the Service Authorization Reference: the keys have what the request says, or are missing."""
    assert condition.keys() <= {"ForAnyValue:StringEquals", "Null"}
    keys = {f"secretsmanager:{name}": parameters.get(name) for name in ("VersionStage", "VersionId")}
    named = condition.get("ForAnyValue:StringEquals", {}).items()
    missing = condition.get("Null", {}).items()
    return all(keys[key] in values for key, values in named) and all(
        (keys[key] is None) == (is_missing == "true") for key, is_missing in missing
    )
