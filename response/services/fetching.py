"""A file of packets on its way from the sensor into the store: bounded in time, and read while it is here."""

from collections.abc import Generator, Iterator
from mmap import ACCESS_READ, mmap
from tempfile import TemporaryFile
from time import monotonic

from django.conf import settings

from cases.services.inbox import Draft, told_when_full
from response.models import Capture
from secops import pcap
from secops.errors import SecopsError

FETCH_SECONDS = 20.0  # of one file: with the two calls before it, all is done within the lease


def into(draft: Draft, chunks: Iterator[bytes], capture: Capture) -> pcap.Summary:
    """Into the draft and, because a draft cannot be read before it has its place, into a file beside it."""
    with told_when_full(), TemporaryFile(dir=settings.DATA_DIR) as copy:
        for chunk in _in_time(chunks):
            draft.write(chunk)
            copy.write(chunk)
        draft.finish()
        copy.flush()
        if not draft.size:
            return pcap.Summary(is_whole=False)
        with mmap(copy.fileno(), 0, access=ACCESS_READ) as data:
            return pcap.summary(data, mac=capture.mac, address=capture.address)


def _in_time(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """All of them, or SecopsError once they take longer than a worker may; the connection behind them is closed."""
    ends = monotonic() + FETCH_SECONDS
    try:
        for chunk in chunks:
            if monotonic() > ends:
                raise SecopsError(f"It could not be fetched within {FETCH_SECONDS:.0f} seconds.")
            yield chunk
    finally:
        if isinstance(chunks, Generator):
            chunks.close()
