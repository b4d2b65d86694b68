"""Files over three months: this person against their own past and their peers', and what led to the drive."""

from datetime import datetime, timedelta

from cases.choices import Card, Verdict
from enrichment.choices import SubjectKind
from enrichment.questions.base import Fact, Judgement, Points, Question, Subject, questions
from enrichment.reasoning.file_use import Assessment, NewShare, Taken, assess
from enrichment.reasoning.measures import counted, size
from secops.connectors.capabilities.files import FileUse, FileUses
from secops.connectors.capabilities.traffic import Window

ASKED = timedelta(days=90)
WEEK = timedelta(days=7)


@questions.register
class FilesOverMonths(Question):
    """Heavy, and about a person's months: asked only where a kind names it. Peers come under pseudonyms."""

    slug = "file_use"
    label = "Is their use of files out of their past and their peers'?"
    card = Card.FILES
    subject = SubjectKind.PERSON
    capability = "file_use"
    only_if_named = True
    order = 10

    def ask(self, connector: FileUses, subject: Subject) -> Judgement | None:
        start = subject.at - ASKED
        uses = connector.file_use(subject.value, start, subject.at)
        if not uses:
            return None
        found = assess(uses, connector.peer_file_use(subject.value, start, subject.at), subject.at)
        points = _points(found)
        return Judgement(
            verdict=Verdict.SUSPICIOUS if found.is_unusual else Verdict.INFORMATIONAL,
            label="Unusual files" if found.is_unusual else "Usual files" if points else "",
            headline=_headline(found),
            facts=[*_facts(found), *_covered(connector.file_use_windows(), start, subject.at)],
            columns=["UTC", "What happened"],
            rows=_chronology(found, subject.at),
            series=_bars(uses, start, found),
            points=points,
            data={
                "login": subject.value,
                "is_unusual": found.is_unusual,
                "shares": [one.share for one in found.unusual],
                "first_at": min((one.first_at for one in found.unusual), default=subject.at).isoformat(),
                "files": sum(one.files for one in found.unusual),
                "off_hours": sum(one.off_hours for one in found.unusual),
                "last_day": found.last_day.files,
                "median": found.last_day.median,
                "peers": found.peers,
                "removable_bytes": sum(one.size for one in found.taken),
            },
        )


def _headline(found: Assessment) -> str:
    if found.unusual:
        one = max(found.unusual, key=lambda share: share.files)
        files = f"{counted(one.files, 'file')} of {one.share}"
        text = f"Since {one.first_at:%d %b} {files}, new to them and {_peers(one, found)}"
        return f"{text}{_then(found, one)}."
    day = found.last_day
    text = f"{counted(day.files, 'file')} opened in the last 24 hours; the median of {counted(day.days, 'day')} is"
    own = "Far more than their own past: " if day.is_unusual else ""
    others = f", that of {counted(found.peers, 'peer')} {found.peer_median:.0f}" if found.peers else ""
    return f"{own}{text} {day.median:.0f}{others}."


def _peers(one: NewShare, found: Assessment) -> str:
    if not found.peers:
        return "without enough peers to compare with"
    return f"used by {one.peers or 'none'} of {counted(found.peers, 'peer')}"


def _then(found: Assessment, one: NewShare) -> str:
    after = [drive for drive in found.taken if drive.last_at >= one.first_at and not drive.earlier_days]
    if not after:
        return ""
    return f"; then {size(sum(drive.size for drive in after))} to a removable drive on {after[-1].first_at:%d %b}"


def _facts(found: Assessment) -> list[Fact]:
    day = found.last_day
    hours = f"{max(found.hours[0], 0):02d}:00 to {min(found.hours[1] + 1, 24):02d}:00 UTC" if found.hours else "unknown"
    return [
        *(_share_fact(one, found) for one in found.shares if one.is_unusual or one.files > 1),
        Fact(
            label="Last 24 hours",
            value=f"{counted(day.files, 'file')}, median of {counted(day.days, 'day')} {day.median:.0f}",
            verdict="suspicious" if day.is_unusual else "",
        ),
        Fact(
            label="Peers",
            value=f"{found.peers} with the same main share, median {found.peer_median:.0f} files a day"
            if found.peers
            else "fewer than three, so none are compared",
        ),
        Fact(label="Usual hours", value=hours),
        *(Fact(label="Removable drive", value=_drive(one)) for one in found.taken[-3:]),
    ]


def _share_fact(one: NewShare, found: Assessment) -> Fact:
    growing = ", growing" if one.is_growing else ""
    return Fact(
        label="Unusual share" if one.is_unusual else "New share",
        value=f"{one.share}: {counted(one.files, 'file')} on {counted(one.days, 'day')} since {one.first_at:%d %b}"
        f"{growing}, {one.off_hours} outside of their hours; {_peers(one, found)}",
        verdict="suspicious" if one.is_unusual else "",
    )


def _drive(one: Taken) -> str:
    before = f"used on {counted(one.earlier_days, 'day')} before" if one.earlier_days else "not seen before"
    return f"{one.serial or 'unknown serial'}: {size(one.size)} in {counted(one.files, 'file')}, {before}"


def _covered(windows: dict[str, Window], start: datetime, end: datetime) -> list[Fact]:
    """What was asked and what each log can answer; the network's own logs are another question's."""
    asked = (end - start).days
    return [Fact(label="Covered", value=f"{name}: {_window(one, start, end, asked)}") for name, one in windows.items()]


def _window(one: Window, start: datetime, end: datetime, asked: int) -> str:
    if one.start is None or one.end is None or one.start >= end:
        return f"no log of the {asked} days asked for"
    first, last = max(one.start, start), min(one.end, end)
    days = round((last - first) / timedelta(days=1))
    return f"{first:%d %b} to {last:%d %b}, {min(days, asked)} of {asked} days"


def _chronology(found: Assessment, at: datetime) -> list[list[str]]:
    """The first unusual day, each week after it, the last 24 hours, the drive: what led where."""
    told: list[tuple[datetime, str]] = []
    for one in found.unusual:
        told.append((one.first_at, f"first opened {one.share}, after {counted(one.past_days, 'day')} without it"))
        weeks = enumerate(one.weeks)
        told += [
            (one.first_at + number * WEEK, f"{counted(files, 'file')} of {one.share} in the seven days from here")
            for number, files in weeks
            if files
        ]
    if found.is_unusual:
        day = found.last_day
        told.append(
            (at - timedelta(days=1), f"{counted(day.files, 'file')} opened in 24 hours, median {day.median:.0f} a day")
        )
    told += [(one.first_at, f"first copy to the drive {_drive(one)}") for one in found.taken]
    return [[f"{when:%d %b %H:%M}", text] for when, text in sorted(told, key=lambda entry: entry[0])]


def _bars(uses: list[FileUse], start: datetime, found: Assessment) -> dict[str, object]:
    """Files per week, those of unusual shares below the axis."""
    unusual = {one.share for one in found.unusual}
    weeks = [[0, 0] for _ in range(ASKED // WEEK + 1)]
    for one in uses:
        if one.way == "opened":
            weeks[(one.at - start) // WEEK if one.at > start else 0][one.place in unusual] += one.files
    return {
        "kind": "bars",
        "title": "Files opened per week; below the line those of shares that are unusual for them",
        "points": [[f"{start + number * WEEK:%d %b}", *pair] for number, pair in enumerate(weeks)],
    }


def _points(found: Assessment) -> list[Points]:
    points = []
    if any(one.is_growing for one in found.unusual):
        points.append(Points(points=14, text="weeks of growing use of a share that is not theirs"))
    elif found.unusual:
        points.append(Points(points=10, text="much use of a share that is not theirs"))
    if found.last_day.is_unusual:
        points.append(Points(points=8, text="far more files than on their own days"))
    if not points and found.last_day.days >= 30:
        points.append(Points(points=-4, text="files as in their own three months"))
    return points
