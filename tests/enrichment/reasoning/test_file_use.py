"""A person's months of files: what is unusual for them, and what only looks so."""

from datetime import UTC, datetime, timedelta

from enrichment.reasoning.file_use import Assessment, assess
from secops.connectors.capabilities.files import FileUse, PeerUse

AT = datetime(2026, 3, 10, 18, 0, tzinfo=UTC)
HOME, PROJECT = "\\\\FS\\home", "\\\\FS\\project"
PEERS = ("Peer A", "Peer B", "Peer C", "Peer D")


def opened(days_ago: float, files: int = 5, *, share: str = HOME, hour: int = 10) -> FileUse:
    day = (AT - timedelta(days=days_ago)).replace(hour=hour)
    return FileUse(at=day, way="opened", place=share, files=files)


def past(first: int = 80, files: int = 5) -> list[FileUse]:
    """Every day from `first` days ago, in the working hours."""
    return [opened(day, files, hour=9 + day % 8) for day in range(1, first)]


def at_peers(*shares: str, files: int = 4) -> list[PeerUse]:
    return [
        PeerUse(peer=peer, at=AT - timedelta(days=day), place=share, files=files)
        for peer in PEERS
        for share in (HOME, *shares)
        for day in range(1, 60, 3)
    ]


def growing(hour: int = 20) -> list[FileUse]:
    return [opened(day, 30 - day, share=PROJECT, hour=hour) for day in range(2, 29, 3)]


def found_of(uses: list[FileUse], peers: list[PeerUse] | None = None) -> Assessment:
    return assess(uses, at_peers() if peers is None else peers, AT)


def test_weeks_of_a_share_that_no_peer_uses_are_unusual() -> None:
    (share,) = found_of([*past(), *growing()]).unusual

    assert share.share == PROJECT
    assert (share.days, share.peers, share.is_growing) == (9, 0, True)
    assert share.files == share.off_hours == sum(30 - day for day in range(2, 29, 3))
    assert share.first_at.date() == (AT - timedelta(days=26)).date()


def test_a_share_that_the_peers_use_too_belongs_to_the_work() -> None:
    found = found_of([*past(), *growing()], at_peers(PROJECT))

    assert not found.is_unusual
    assert [one.peers for one in found.shares] == [4]


def test_helping_out_for_a_day_is_not_unusual() -> None:
    found = found_of([*past(), opened(20, 60, share=PROJECT)])

    assert not found.is_unusual
    assert [one.share for one in found.shares] == [PROJECT]


def test_a_new_colleague_has_no_past_to_be_unusual_against() -> None:
    assert not found_of([*past(8), *[opened(day, 20, share=PROJECT, hour=20) for day in range(1, 7)]]).is_unusual


def test_without_peers_only_the_hours_tell() -> None:
    assert not found_of([*past(), *growing(hour=11)], []).is_unusual
    assert found_of([*past(), *growing(hour=22)], []).is_unusual


def test_a_small_group_is_not_told_of() -> None:
    two = [use for use in at_peers() if use.peer in PEERS[:2]]

    found = found_of(past(), two)

    assert (found.peers, found.peer_median) == (0, 0.0)


def test_off_hours_alone_make_nothing_unusual() -> None:
    found = found_of([*past(), *[opened(day, 3, hour=23) for day in range(1, 20)]])

    assert not found.is_unusual


def test_a_day_far_above_all_others_is_unusual() -> None:
    found = found_of([*past(), opened(0, 200)])

    assert found.last_day.is_unusual
    assert (found.last_day.files, found.last_day.median) == (200, 5)


def test_somebody_whose_days_differ_much_has_busy_days() -> None:
    uneven = [opened(day, 150 if day % 4 == 0 else 20) for day in range(1, 80)]

    assert not found_of([*uneven, opened(0, 160)]).last_day.is_unusual


def test_a_month_end_is_not_unusual() -> None:
    assert not found_of([*past(), opened(0, 25)]).is_unusual


def test_a_drive_used_before_is_told_as_a_habit() -> None:
    def copied(days_ago: float, serial: str) -> FileUse:
        return FileUse(at=AT - timedelta(days=days_ago), way="removable", place=serial, files=3, size=1_000)

    old, new = found_of([*past(), copied(30, "OLD"), copied(9, "OLD"), copied(0.1, "OLD"), copied(0.2, "NEW")]).taken

    assert (old.serial, old.earlier_days, old.size) == ("OLD", 2, 3_000)
    assert (new.serial, new.earlier_days) == ("NEW", 0)


def test_nothing_at_all_is_no_finding() -> None:
    found = assess([], [], AT)

    assert not found.is_unusual
    assert found.hours is None
