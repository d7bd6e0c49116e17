"""What all rules say of everything, and what people have excepted from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rotator.core.posture.after_revocation import as_far_as_asked
from rotator.core.posture.checks import CHECKS
from rotator.core.posture.facts import Hidden
from rotator.core.posture.judgements import Verdict
from rotator.core.posture.rulebook import OF_CREDENTIALS, OF_ORGS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from rotator.core.posture.checks import Check, Risk
    from rotator.core.posture.choices import Exemption
    from rotator.core.posture.facts import Posture
    from rotator.core.posture.judgements import Judgement


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one check came to, of one credential or of one org."""

    check: Check
    org: str
    credential: str | None
    verdict: Verdict
    seen: str = ""
    """What was seen, in a sentence or a few; empty where nothing was."""
    needs: str = ""
    """What it takes to see it, where it is not visible."""
    exemption: Exemption | None = None
    """What excepts it, or did until it was over."""

    @property
    def subject(self) -> str:
        """Whom it is about, in a few words."""
        return self.credential or f"org {self.org}"

    @property
    def key(self) -> str:
        """Names it among all, and never changes."""
        return f"{self.check.name}/{self.org}/{self.credential or ''}"


def assess(
    posture: Posture,
    exemptions: Collection[Exemption] = (),
    *,
    only: Collection[str] | None = None,
    orgs: Collection[str] | None = None,
) -> list[Result]:
    """What every rule says, what matters most first: of all, of the credentials in `only` alone, or of some orgs."""
    names = [name for name in posture.credentials if only is None or name in only]
    names = [name for name in names if orgs is None or posture.credentials[name].org in orgs]
    found = [each for name in names for each in _of_credential(name, posture)]
    if only is None:
        found += [each for org in posture.orgs if orgs is None or org in orgs for each in _of_org(org, posture)]
    return sorted((_excepted(each, exemptions, posture.now) for each in found), key=_what_matters_first)


def ended(exemptions: Collection[Exemption], now: datetime) -> list[Exemption]:
    """Those that do not count any more, so that somebody takes them out or says a later day."""
    return [each for each in exemptions if each.is_over(now)]


def findings(results: Sequence[Result], least: Risk) -> list[Result]:
    """Those that are to be mended, and matter at least so much."""
    return [each for each in results if each.verdict is Verdict.FINDING and each.check.risk.reaches(least)]


def _of_credential(name: str, posture: Posture) -> Iterator[Result]:
    credential = posture.credentials[name]
    for check, rule in OF_CREDENTIALS.items():
        said = as_far_as_asked(check.name, credential.revoked, rule(credential, posture))
        yield from _result(check, credential.org, name, said)


def _of_org(name: str, posture: Posture) -> Iterator[Result]:
    for check, rule in OF_ORGS.items():
        yield from _result(check, name, None, rule(posture.orgs[name], posture))


def _result(check: Check, org: str, credential: str | None, said: Judgement) -> Iterator[Result]:
    if isinstance(said, Hidden):
        yield Result(check=check, org=org, credential=credential, verdict=Verdict.HIDDEN, needs=said.needs)
    elif said is not None:
        verdict = Verdict.OK if said.is_sound else Verdict.FINDING
        yield Result(check=check, org=org, credential=credential, verdict=verdict, seen=said.seen)


def _excepted(result: Result, exemptions: Collection[Exemption], now: datetime) -> Result:
    """The result, with the exemption that it has or had; one that is over excepts nothing."""
    if result.verdict is not Verdict.FINDING:
        return result
    mine = [each for each in exemptions if _is_about(each, result)]
    in_force = [each for each in mine if not each.is_over(now)]
    if in_force:
        return replace(result, verdict=Verdict.EXCEPTED, exemption=max(in_force, key=lambda each: each.until))
    return replace(result, exemption=max(mine, key=lambda each: each.until)) if mine else result


def _is_about(exemption: Exemption, result: Result) -> bool:
    if exemption.check != result.check.name:
        return False
    if exemption.credential is not None:
        return exemption.credential == result.credential
    # Of an org: all that is said of it, and of each of its credentials.
    return exemption.org == result.org


_VERDICTS = (Verdict.FINDING, Verdict.HIDDEN, Verdict.EXCEPTED, Verdict.OK)


def _what_matters_first(result: Result) -> tuple[int, int, str, str, int]:
    return (
        _VERDICTS.index(result.verdict),
        result.check.risk.rank,
        result.org,
        result.credential or "",
        CHECKS.index(result.check),
    )
