"""Removable media: was it used before, how much went there, which files?"""

import re
from collections import Counter
from datetime import timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from enrichment.reasoning.measures import counted, size
from secops.connectors.capabilities.files import FileActivity, FileEvent, RemovableMedia

PAST = timedelta(days=7)
DAY = timedelta(hours=24)
AFTER = timedelta(minutes=10)
LARGE = 1_000_000_000  # bytes
_SHARE = re.compile(r"\\\\[^\\]+\\[^\\]+")


@questions.register
class RemovableMediaUse(Question):
    """First use says since when the source remembers; volume and files are those of the last 24 hours."""

    slug = "removable_media"
    label = "What went to removable media?"
    card = Card.CHANGES
    subject = SubjectKind.HOST
    capability = "file_activity"
    order = 5

    def ask(self, connector: FileActivity, subject: Subject) -> Judgement | None:
        media = connector.removable_media(subject.host, subject.at - PAST, subject.at + AFTER)
        events = connector.file_events(subject.host, subject.at - DAY, subject.at + AFTER, removable=True)
        if not media and not events:
            return None
        copied = [one for one in events if one.kind in ("created", "written", "copied")]
        new = [one for one in media if one.at >= subject.at - DAY and not _was_before(one, media)]
        is_new = bool(new)  # a known drive used later hides no new one
        latest = max(new or media, key=lambda one: one.at, default=None)
        total = sum(one.size for one in copied)
        is_much = total >= LARGE
        return Judgement(
            verdict=Verdict.SUSPICIOUS if is_new or is_much else Verdict.INFORMATIONAL,
            label="New drive" if is_new else "Removable drive",
            headline=_headline(latest, is_new, copied, total),
            facts=[
                Fact(
                    label="Drive",
                    value=_named(latest),
                ),
                Fact(label="First use", value=_first_use(latest, media, is_new)),
                Fact(label="Copied", value=f"{size(total)} in {counted(len(copied), 'file')}"),
                *_from(copied),
                Fact(label="By", value=", ".join(sorted({one.user for one in copied if one.user})) or "unknown"),
            ],
            columns=["UTC", "File", "Size"] if copied else [],
            rows=[_row(one) for one in sorted(copied, key=lambda one: -one.size)[:20]],
            points=_points(is_new, is_much),
            data={
                "serial": latest.serial if latest else "",
                "is_new": is_new,
                "bytes": total,
                "files": len({one.path for one in copied}),
                "users": sorted({one.user for one in copied if one.user}),
                "first_at": min((one.at for one in copied), default=subject.at).isoformat(),
                "last_at": max((one.at for one in copied), default=subject.at).isoformat(),
            },
        )


def _named(drive: RemovableMedia | None) -> str:
    return f"{drive.name}, serial {drive.serial or 'unknown'}" if drive else "not named"


def _was_before(latest: RemovableMedia, media: list[RemovableMedia]) -> bool:
    return any(one.serial == latest.serial and one.name == latest.name and one.at < latest.at - DAY for one in media)


def _headline(latest: RemovableMedia | None, is_new: bool, copied: list[FileEvent], total: int) -> str:
    drive = "a drive never seen before" if is_new else "a known drive" if latest else "a removable drive"
    if not copied:
        return f"Nothing was copied to {drive} in the last 24 hours."
    return f"{size(total)} in {counted(len(copied), 'file')} were copied to {drive}."


def _first_use(latest: RemovableMedia | None, media: list[RemovableMedia], is_new: bool) -> str:
    if latest is None:
        return "unknown"
    first = min(one.at for one in media if (one.serial, one.name) == (latest.serial, latest.name))
    return f"{first:%d %b %H:%M} UTC{', never in the seven days before' if is_new else ''}"


def _from(copied: list[FileEvent]) -> list[Fact]:
    """The shares that the files came from, most files first; nothing where the source does not say."""
    shares = Counter(found[0] for one in copied if (found := _SHARE.match(one.origin)))
    told = [f"{share} ({counted(number, 'file')})" for share, number in shares.most_common(3)]
    return [Fact(label="From", value=", ".join(told))] if told else []


def _points(is_new: bool, is_much: bool) -> list[Points]:
    found = [Points(points=10, text="a removable drive never seen before")] if is_new else []
    return found + ([Points(points=18, text="gigabytes copied to removable media")] if is_much else [])


def _row(one: FileEvent) -> list[str]:
    return [f"{one.at:%d %b %H:%M}", one.path, size(one.size)]
