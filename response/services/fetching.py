"""A file of packets on its way from the sensor into the store, and read once it is here.

A file whose size the sensor knows comes in slices, a slice a look, by whichever worker looks next. One that is made
anew at each request (Arkime) cannot be gone on with: it comes whole, in a process that no queue ends.
"""

from collections.abc import Callable, Generator, Iterator
from mmap import ACCESS_READ, mmap
from time import monotonic

from cases.errors import EvidenceError, TooLargeError
from cases.services import quota
from cases.services.partials import Partial
from cases.services.store import store
from response.models import Capture
from secops import pcap
from secops.connectors.capabilities.capture import Segment
from secops.errors import SecopsError

MOST_BYTES = 16 * 1024**3  # of one file
SLICE_SECONDS = 4.0  # of a look: a containment that is approved meanwhile waits no longer for the worker
WHOLE_SECONDS = 1_800.0  # of a file that comes whole, in a process of its own
APART_BYTES = 64 * 1024**2  # a larger file is read in a process of its own
READ_SECONDS, READ_APART_SECONDS = 30.0, 600.0  # a worker has a lease of a minute, the process of its own renews it

type Read = Callable[[int], Iterator[bytes]]  # the bytes of a file, from an offset on


def is_here(draft: Partial, segment: Segment) -> bool:
    """Has all of it been received?"""
    return draft.is_finished or 0 < segment.size == draft.size


def belongs_apart(capture: Capture, segment: Segment) -> bool:
    """Does what is next for the file take longer than a worker of a queue has?"""
    return not segment.size or (capture.failing == segment.name and capture.done_bytes == segment.size > APART_BYTES)


def take_slice(draft: Partial, read: Read, capture: Capture, segment: Segment) -> None:
    """What comes in some seconds. A sensor that ends early is asked again at the next look.

    The last slice is read until the sensor has nothing more to say, since only then it counts the file as fetched.
    """
    _require_room(capture, segment.size, draft.size)
    if draft.size > segment.size:
        raise EvidenceError("It is smaller at the sensor than what was received of it: it is not the same any more.")
    ends = monotonic() + SLICE_SECONDS
    for piece in _closed(read(draft.size)):
        if draft.size + len(piece) > segment.size:
            raise EvidenceError("The sensor sent more bytes than it said.")
        draft.write(piece)
        if draft.size < segment.size and monotonic() >= ends:
            return


def take_whole(draft: Partial, read: Read, capture: Capture, goes_on: Callable[[int], None]) -> None:
    """From its first byte to its last; `goes_on` is told how many came so far, and raises to end it."""
    draft.begin_again()
    _require_room(capture, 0, 0)
    ends = monotonic() + WHOLE_SECONDS
    for piece in _closed(read(0)):
        if draft.size + len(piece) > MOST_BYTES:
            raise TooLargeError(f"It has more than {MOST_BYTES:,} bytes.")
        draft.write(piece)
        goes_on(draft.size)
        if monotonic() > ends:
            raise SecopsError(f"It could not be fetched within {WHOLE_SECONDS:.0f} seconds.")
    draft.finish()


def summary(draft: Partial, capture: Capture) -> pcap.Summary:
    """Whom the device spoke to, as far as the time suffices: the forensic reader, which comes after it, has an hour."""
    if not draft.size:
        return pcap.Summary(is_whole=False)
    seconds = READ_APART_SECONDS if capture.is_apart else READ_SECONDS
    with draft.path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        return pcap.summary(data, mac=capture.mac, address=capture.address, seconds=seconds)


def _require_room(capture: Capture, size: int, here: int) -> None:
    if size > MOST_BYTES:
        raise TooLargeError(f"It has {size:,} bytes, more than the {MOST_BYTES:,} that one file may have.")
    quota.require_room(capture.case_id, None, size)
    store().require_room(max(0, size - here))


def _closed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """All of them; the connection behind them is closed, however this ends."""
    try:
        yield from pieces
    finally:
        if isinstance(pieces, Generator):
            pieces.close()
