"""Is a person's use of files over months out of their own past and their peers', and what led where?

A share counts as unusual when the person's own past is long enough to say that it is new to them, they came back to it
on several days and opened much, and few of their peers use it. Off hours are those in which this person opens nothing
otherwise; they colour what is unusual and make nothing unusual by themselves.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from secops.connectors.capabilities.files import FileUse, PeerUse

LEAST_PAST_DAYS = 10  # with use, before a share may be called new to somebody
LEAST_DAYS, LEAST_FILES = 4, 30  # of a new share; less is helping out
LEAST_PEERS = 3  # fewer are no group to compare with, and each would be known by its figures
PEERS_SHARE = 1 / 3  # so many of the peers there: it belongs to the work
OFF_SHARE = 0.3  # of a new share's files, wanted in place of peers
UNUSUAL_RATIO, LEAST_EXCESS = 3.0, 50  # the files of the last 24 hours against the median day
BUSY_RATIO = 1.5  # against their busy days: one in twenty is busier

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewShare:
    """A share that the person began to use within the window. `weeks` are files by week from its first day on."""

    share: str
    first_at: datetime
    last_at: datetime
    days: int
    files: int
    off_hours: int  # of these files
    weeks: list[int]
    past_days: int  # with use of other shares before the first
    peers: int  # who use it, too
    is_unusual: bool

    @property
    def is_growing(self) -> bool:
        """More in the later half of its weeks than in the earlier one."""
        half = len(self.weeks) // 2
        return len(self.weeks) > 1 and sum(self.weeks[-half:]) > sum(self.weeks[:half])


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDay:
    """Files opened in the 24 hours before the alert against the median of the person's days with use."""

    files: int
    median: float
    days: int
    is_unusual: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What went to one removable drive; `earlier_days` on which it was used more than 24 hours before the alert."""

    serial: str
    first_at: datetime
    last_at: datetime
    files: int
    size: int
    earlier_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """`hours` are the first and last hour of the day (UTC) in which the person opens files, None without a past."""

    shares: list[NewShare]
    last_day: LastDay
    taken: list[Taken]
    peers: int
    peer_median: float  # files a day of a peer, on days with use
    hours: tuple[int, int] | None

    @property
    def unusual(self) -> list[NewShare]:
        return [one for one in self.shares if one.is_unusual]

    @property
    def is_unusual(self) -> bool:
        return bool(self.unusual) or self.last_day.is_unusual


def assess(uses: Sequence[FileUse], peers: Sequence[PeerUse], at: datetime) -> Assessment:
    """Everything up to the alert at `at`; the uses of one person, per hour."""
    opened = [one for one in uses if one.way == "opened" and one.at <= at]
    by_peer: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for use in peers:
        by_peer[use.peer][use.at.date()] += use.files
    if len(by_peer) < LEAST_PEERS:
        by_peer.clear()
    hours = _usual_hours(opened, at)
    there: dict[str, set[str]] = defaultdict(set)
    for use in peers:
        there[use.place].add(use.peer)
    shares = [
        _new_share(share, opened, len(there[share]), len(by_peer), hours)
        for share in dict.fromkeys(one.place for one in opened)
    ]
    peer_days = [files for days in by_peer.values() for files in days.values()]
    return Assessment(
        shares=[one for one in shares if one.past_days >= LEAST_PAST_DAYS],
        last_day=_last_day(opened, at),
        taken=_taken([one for one in uses if one.way == "removable" and one.at <= at], at),
        peers=len(by_peer),
        peer_median=float(median(peer_days)) if peer_days else 0.0,
        hours=hours,
    )


def _usual_hours(opened: Sequence[FileUse], at: datetime) -> tuple[int, int] | None:
    """From the shares used on most days, so that a new habit cannot make itself usual; an hour more at both ends,
    because clocks change with the season."""
    days: dict[str, set[date]] = defaultdict(set)
    for one in opened:
        days[one.place].add(one.at.date())
    if not days:
        return None
    home = max(days, key=lambda share: len(days[share]))
    hours = sorted(one.at.hour for one in opened if one.place == home and one.at < at - DAY)
    if len(hours) < LEAST_PAST_DAYS:
        return None
    cut = len(hours) // 50
    return hours[cut] - 1, hours[-1 - cut] + 1


def _new_share(
    share: str, opened: Sequence[FileUse], there: int, peers: int, hours: tuple[int, int] | None
) -> NewShare:
    mine = sorted((one for one in opened if one.place == share), key=lambda one: one.at)
    first, last = mine[0].at, mine[-1].at
    weeks = [0] * ((last - first) // (7 * DAY) + 1)
    for one in mine:
        weeks[(one.at - first) // (7 * DAY)] += one.files
    files, days = sum(weeks), len({one.at.date() for one in mine})
    off = sum(one.files for one in mine if hours and not hours[0] <= one.at.hour <= hours[1])
    past = len({one.at.date() for one in opened if one.at.date() < first.date()})
    is_much = past >= LEAST_PAST_DAYS and days >= LEAST_DAYS and files >= LEAST_FILES
    is_alone = there < PEERS_SHARE * peers if peers else off >= OFF_SHARE * files
    return NewShare(
        share=share,
        first_at=first,
        last_at=last,
        days=days,
        files=files,
        off_hours=off,
        weeks=weeks,
        past_days=past,
        peers=there,
        is_unusual=is_much and is_alone,
    )


def _last_day(opened: Sequence[FileUse], at: datetime) -> LastDay:
    by_day: dict[int, int] = defaultdict(int)
    for one in opened:
        by_day[(at - one.at) // DAY] += one.files
    today, past = by_day.get(0, 0), [files for day, files in by_day.items() if day > 0]
    middle = float(median(past)) if past else 0.0
    is_unusual = (
        len(past) >= LEAST_PAST_DAYS
        and today - middle >= LEAST_EXCESS
        and today >= UNUSUAL_RATIO * middle
        and today >= BUSY_RATIO * sorted(past)[len(past) * 19 // 20]
    )
    return LastDay(files=today, median=middle, days=len(past), is_unusual=is_unusual)


def _taken(uses: Sequence[FileUse], at: datetime) -> list[Taken]:
    by_drive: dict[str, list[FileUse]] = defaultdict(list)
    for one in uses:
        by_drive[one.place].append(one)
    found = [
        Taken(
            serial=serial,
            first_at=min(one.at for one in mine),
            last_at=max(one.at for one in mine),
            files=sum(one.files for one in mine),
            size=sum(one.size for one in mine),
            earlier_days=len({one.at.date() for one in mine if one.at < at - DAY}),
        )
        for serial, mine in by_drive.items()
    ]
    return sorted(found, key=lambda one: one.first_at)
