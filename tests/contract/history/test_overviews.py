"""What is shown is the same whatever database the history is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.services.reporting.reader import HistoryReader
from tests.unit.web import scene

if TYPE_CHECKING:
    from rotator.history.engine.database import Database


def test_every_database_shows_the_same(database: Database) -> None:
    settings = scene.company(database)
    gathering = HistoryReader(lambda: settings, database, lambda: scene.NOW)
    found = gathering.overview()
    assert len(found.certificates) == 21
    assert found.certificates[0].seen.app == "Marketing_Sync"
    assert found.certificates[-1].not_after == scene.FOREVER
    assert [line.credential for line in found.credentials if line.life.previous_until] == ["warehouse"]
    assert {(each.credential, each.outcome): each.number for each in found.rotations.counts} == {
        ("billing", "rotated"): 1,
        ("management", "rotated"): 1,
        ("support", "rotated"): 1,
        ("telephony", "reverted"): 1,
        ("telephony", "rotated"): 1,
        ("warehouse", "rotated"): 2,
    }
    assert found.rotations.last_gaps["telephony"] == 912.0
    assert [each.credential for each in found.rotations.newest[:2]] == ["telephony", "warehouse"]
    assert len(found.alerts) == 4
    assert {channel.name: channel.pending for channel in found.channels} == {"crm-team": 0, "on-call": 1}

    rotation = gathering.rotation(found.rotations.newest[0].id)
    assert rotation is not None
    assert [event.kind for event in rotation.events] == ["begin", "generate", "upload", "finish"]
    certificate = gathering.certificate(scene.fingerprint_of("warehouse now"))
    assert certificate is not None
    assert len(certificate.brought) == 2
    alert = gathering.alert(found.alerts[0].id)
    assert alert is not None
    assert {notification.channel for notification in alert.notifications} == {"crm-team"}

    gathering.try_writing()
    assert gathering.overview().rotations == found.rotations
