"""No client secret gets out: a talkative run of everything, over every store, searched for every secret of the org."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from rotator.config.daemon import HttpSettings
from rotator.errors import RotatorError
from rotator.services.preflight import checks
from rotator.services.reporting.reader import HistoryReader
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.web.routes import application
from rotator.web.source import Liveness
from tests.contract.planted import logging_everything, whole
from tests.end_to_end.test_no_key_leaks import dumped
from tests.rotation.secret_ground import NAME, Crash, SecretGround
from tests.tiers import standard_first
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from rotator.application import Application

PLACES = ("keys_in_files", "keys_in_vault", "keys_in_aws", "history_in_postgres")


@pytest.fixture(params=standard_first(PLACES, ["keys_in_files"]))
def ground(request: pytest.FixtureRequest, secret_ground: SecretGround) -> SecretGround:
    name: str = request.param
    if name == "keys_in_files":
        return secret_ground
    ground = replace(secret_ground, **{name.partition("_")[0]: request.getfixturevalue(name)})
    ground.begin()
    return ground


def test_a_talkative_run_of_everything_betrays_no_secret(ground: SecretGround) -> None:
    secrets, said = set[str](), list[str]()

    def note_secrets() -> None:
        staged = ground.consumer.staged
        secrets.update(pair.secret.reveal() for pair in (ground.consumer.pair, *([staged.pair] if staged else [])))

    def handle(goal: str, **how: str) -> None:
        try:
            said.append(repr(ground.handle(goal, crash=Crash(check=note_secrets), **how)))  # type: ignore[arg-type] # a trigger
        except RotatorError as error:
            said.append(whole(error))

    with logging_everything() as log:
        for goal in ("enroll", "replace", "back", "replace", "adopt"):
            handle(goal)
        for effect in (Effect.FAIL, Effect.LOSE_ANSWER, Effect.HANG):
            # A call of the API for secrets, and a login with a secret.
            for kind in (Kind.CREDENTIALS, Kind.TOKEN):
                ground.clock.time += timedelta(days=8)
                ground.org.faults.add(Fault(kind, effect, times=4, after=2))
                handle("replace")
                ground.org.faults.clear()
        handle("replace", trigger="compromised")
        with ground.program() as app:
            said += [repr(app.scan(app.now())), repr(app.statuses([], app.now())), shown(app, ground)]
            said.append(repr([*checks(app)]))
    note_secrets()
    assert len(secrets) >= 4, "pairs were staged"
    assert any("rotator.salesforce" in line for line in log.lines)
    assert any("Error" in each or "Unavailable" in each for each in said), "errors were told"
    everything = "\n".join([*said, *log.lines, written(ground)])
    assert NAME in everything
    assert [form for secret in secrets for form in forms(secret) if form in everything] == []


def shown(app: Application, ground: SecretGround) -> str:
    """Every page that tells of the secret, and the metrics."""
    now, settings, database = ground.clock.now(), app.settings, app.database
    alive = Liveness(
        started_at=now,
        ticked_at=now,
        since_tick=timedelta(),
        tick=timedelta(seconds=15),
        lag=timedelta(),
        is_working=True,
    )
    source = HistoryReader(lambda: settings, database, lambda: now)
    client = Client(application(source, HttpSettings(), token=None, alive=lambda: alive))
    lists = ("/", "/certificates", "/credentials", "/orgs", "/rotations", "/audit", "/alerts", "/metrics")
    paths = (*lists, f"/certificates/{ground.in_use}", f"/credentials/{NAME}", "/orgs/production")
    answers = {path: client.get(path) for path in paths}
    assert {path: answer.status for path, answer in answers.items() if answer.status != 200} == {}
    return "\n".join(answer.text for answer in answers.values())


def written(ground: SecretGround) -> str:
    """The history, and every file that is not the store's."""
    url = getattr(ground.history, "url", "")
    files = [file for file in ground.folder.rglob("*") if file.is_file() and "store" not in file.parts]
    return "\n".join([dumped(url) if url else "", *(file.read_bytes().decode("latin-1") for file in files)])


def forms(secret: str) -> set[str]:
    """Texts of which each betrays a part of the secret."""
    raw = secret.encode()
    third = len(secret) // 3
    parts = {secret[:third], secret[third : 2 * third], secret[2 * third :]}
    aligned = {base64.b64encode(raw[skipped:]).decode()[8:-8] for skipped in range(3)}
    return parts | aligned | {raw.hex(), quote(secret, safe="")}


@pytest.mark.parametrize(
    "hidden",
    [
        lambda secret: f"Bearer {secret}",
        lambda secret: secret[: len(secret) // 2],
        lambda secret: base64.b64encode(f"key:{secret}".encode()).decode(),
        lambda secret: secret.encode().hex(),
    ],
    ids=["whole", "half", "basic authentication", "hex"],
)
def test_the_search_finds_a_secret(secret_ground: SecretGround, hidden: object) -> None:
    secret = secret_ground.consumer.pair.secret.reveal()
    assert callable(hidden)
    (secret_ground.folder / "told.log").write_text(hidden(secret))
    assert [form for form in forms(secret) if form in written(secret_ground)]
