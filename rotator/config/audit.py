"""What `rotator audit` asks for where people may choose, and what they have excepted from it."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from rotator.config.durations import Period
from rotator.config.section import Section, Words
from rotator.core.posture.checks import CHECK_NAMES, OF_ORGS_ALONE, Risk
from rotator.entry_points import nearest

if TYPE_CHECKING:
    from rotator.core.posture.choices import Exemption, PostureRules


def _known_check(name: str) -> str:
    if name not in CHECK_NAMES:
        raise ValueError(f"there is no check `{name}`{nearest(name, [*CHECK_NAMES])}")
    return name


def _day(text: str) -> str:
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
    except ValueError:
        raise ValueError("must be a day, such as 2027-03-31") from None


CheckName = Annotated[str, AfterValidator(_known_check)]
Day = Annotated[str, AfterValidator(_day)]


class AuditException(Section):
    """That something is to be as it is, for a while. It is of one credential, or of one org and all in it."""

    check: CheckName
    credential: Words | None = None
    org: Words | None = None
    reason: Words
    until: Day
    """From that day on, in UTC, it does not count."""

    @model_validator(mode="after")
    def _of_one_thing(self) -> Self:
        if (self.credential is None) is (self.org is None):
            raise ValueError("give either `credential` or `org`")
        if self.credential is not None and self.check in {each.name for each in OF_ORGS_ALONE}:
            raise ValueError(f"`{self.check}` is about an org: give `org`")
        return self

    def rules(self) -> "Exemption":
        """The same, as an assessment needs it."""
        from rotator.core.posture.choices import Exemption  # noqa: PLC0415 - for audits, and not for every command

        until = datetime.fromisoformat(self.until).replace(tzinfo=UTC)
        return Exemption(self.check, self.credential, self.org, self.reason, until)


class AuditSettings(Section):
    """`audit:`. What is checked says `rotator audit`."""

    unused_after: Period = timedelta(days=90)
    """What nobody logged in with for so long is told of. Salesforce keeps its login history for six months."""
    scopes: Annotated[tuple[Words, ...], Field(min_length=1)] = ("Api", "RefreshToken")
    """The scopes that consumers use, by the names of the Metadata API."""
    alert_from: Risk = Risk.MEDIUM
    """Findings of the service's daily audit that matter so much are alerts."""
    exceptions: tuple[AuditException, ...] = ()

    def rules(self, assertion_lifetime: timedelta) -> "PostureRules":
        """What is asked for, as rules need it; the program knows how long its own assertions are valid."""
        from rotator.core.posture.choices import PostureRules  # noqa: PLC0415 - as above

        return PostureRules(self.unused_after, frozenset(self.scopes), assertion_lifetime)
