"""Apps whose certificate the org does not show: what logins have proven of them.

Some orgs give an external client app without its certificate, and so that it has none looks the same. What is live on
such an app is what logins prove:

- Only a run that has just sent a certificate, and was told yes, knows what is there until something else is sent. What
  logged in before that, or was refused, proves nothing after it. Where the answer was lost, it is sent again.
- Of an app that a run has sent nothing to, the version whose key has just logged in is live: that of `current`, as long
  as its key is not refused for certain. Where a pending version is
  for the same app that is not so: its certificate may be under way, sent by a run that died, and some servers may still
  answer as before. Then nothing is known before it is sent again, which does no harm.
- Where the key of every stored version is refused, and for as long as a change may take to arrive, the app holds none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from rotator.core.credentials import Fingerprint
    from rotator.core.decision.observations import Memory, Probe
    from rotator.core.decision.policies import Verification
    from rotator.core.observed import KnownVersion, ObservedApp, ObservedCredential


def given_to(app: str, seen: ObservedCredential, unsent: Collection[Fingerprint]) -> list[KnownVersion]:
    """The stored versions that an app may have been given, each once: all that are for it but those `unsent`."""
    versions = dict.fromkeys((seen.current, seen.previous, seen.pending))
    return [each for each in versions if each and each.app == app and each.fingerprint not in unsent]


def proven(
    app: ObservedApp, seen: ObservedCredential, memory: Memory, rules: Verification, now: datetime
) -> ObservedApp:
    """A hidden app with what is known to be live on it."""
    if app.name in memory.sent:
        live = memory.sent[app.name]
        return replace(app, live=live, throwaway=live is None)
    if app.name in memory.begun:
        return app
    versions = given_to(app.name, seen, memory.unsent)
    probes = {each: memory.probes.get(each.fingerprint) for each in versions}
    accepted = [each for each, probe in probes.items() if probe and probe.just_accepted(now)]
    if accepted and seen.pending in versions:
        return app
    if accepted and (accepted[0] == versions[0] or _is_refused(probes[versions[0]], rules)):
        return replace(app, live=accepted[0].fingerprint)
    certain = [
        _is_refused(probe, rules)
        or (app.ours and version != seen.pending and probe is not None and probe.may_be_of_the_key)
        for version, probe in probes.items()
    ]
    return replace(app, refuses_stored=bool(certain) and all(certain))


def _is_refused(probe: Probe | None, rules: Verification) -> bool:
    return probe is not None and probe.refused_for_good(rules)
