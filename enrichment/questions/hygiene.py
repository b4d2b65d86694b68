"""Is the device healthy: patches, agent, firewall, encryption?"""

from datetime import datetime, timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from secops.connectors.capabilities.devices import Posture, Postures

LATE_DAYS = 30


@questions.register
class Hygiene(Question):
    """What the EDR knows; what it does not say is shown as unknown, never as fine."""

    slug = "hygiene"
    label = "Is the device healthy?"
    card = Card.DEVICE
    subject = SubjectKind.HOST
    capability = "posture"
    order = 10
    bucket = timedelta(hours=1)

    def ask(self, connector: Postures, subject: Subject) -> Judgement | None:
        posture = connector.posture(subject.host)
        if posture is None:
            return None
        since = posture.oldest_missing_at or posture.last_patched_at
        days = (subject.at.date() - since.date()).days if since and since <= subject.at else None  # patched later
        faults, unsaid = _faults(posture, days), _unsaid(posture, days)
        verdict, label, headline, points = _weighed(posture.device, faults, unsaid)
        return Judgement(
            verdict=verdict,
            label=label,
            headline=headline,
            facts=_facts(posture, days, subject.at),
            columns=["Missing patch"] if posture.missing_patches else [],
            rows=[[name] for name in posture.missing_patches[:20]],
            points=points,
            data={
                "unsaid": unsaid,
                "days_behind": days,
                "missing_patches": posture.missing_patches,
                "critical_patches": posture.critical_patches,
                "is_firewall_on": posture.is_firewall_on,
                "is_encrypted": posture.is_encrypted,
                "is_agent_healthy": posture.is_agent_healthy,
            },
        )


def _weighed(device: str, faults: list[str], unsaid: list[str]) -> tuple[Verdict, str, str, list[Points]]:
    """A fault is enough for a word against the device; for it, everything must be known."""
    if faults:
        points = Points(points=min(4 + 3 * len(faults), 12), text="poor device hygiene")
        return Verdict.SUSPICIOUS, "At risk", f"{device}: {', '.join(faults)}.", [points]
    if unsaid:
        return (
            Verdict.INFORMATIONAL,
            "",
            f"{device}: no fault is known; the source does not say: {', '.join(unsaid)}.",
            [],
        )
    return Verdict.BENIGN, "Healthy", f"{device} is in good order.", [Points(points=-4, text="a healthy device")]


def _unsaid(posture: Posture, days: int | None) -> list[str]:
    known = {
        "patches": days,
        "firewall": posture.is_firewall_on,
        "encryption": posture.is_encrypted,
        "agent": posture.is_agent_healthy,
    }
    return [name for name, value in known.items() if value is None]


def _faults(posture: Posture, days: int | None) -> list[str]:
    found = {
        f"{days} days behind on patches": days is not None and days > LATE_DAYS,
        f"{posture.critical_patches} critical patches missing": posture.critical_patches > 0,
        "the firewall is off": posture.is_firewall_on is False,
        "the disk is not encrypted": posture.is_encrypted is False,
        "the agent is not healthy": posture.is_agent_healthy is False,
    }
    return [text for text, is_so in found.items() if is_so]


def _facts(posture: Posture, days: int | None, at: datetime) -> list[Fact]:
    patches = f"{days} days behind, {posture.critical_patches} critical missing" if days is not None else "unknown"
    return [
        Fact(label="Device", value=f"{posture.device}, {posture.os}"),
        _tick("Agent", posture.is_agent_healthy, "healthy", "not healthy"),
        Fact(
            label="Patches",
            value=patches,
            verdict=_of_patches(posture, days),
        ),
        _tick("Firewall", posture.is_firewall_on, "on", "off"),
        _tick("Encryption", posture.is_encrypted, "on", "off"),
        Fact(label="Last seen", value=_seen(posture.last_seen_at)),
    ]


def _of_patches(posture: Posture, days: int | None) -> str:
    if posture.critical_patches or (days or 0) > LATE_DAYS:
        return "suspicious"
    return "unknown" if days is None else "benign"


def _tick(label: str, is_good: bool | None, good: str, bad: str) -> Fact:
    if is_good is None:
        return Fact(label=label, value="unknown", verdict="unknown")
    return Fact(label=label, value=good if is_good else bad, verdict="benign" if is_good else "suspicious")


def _seen(at: datetime | None) -> str:
    return f"{at:%d %b %H:%M} UTC" if at else "unknown"
