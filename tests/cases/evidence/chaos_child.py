"""What the tests of a killed write start: one upload into a data folder of their own, and a look at it afterwards."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "secops.settings")
django.setup()

from django.utils import timezone  # noqa: E402

from cases.models import Case, CustodyEntry, Evidence, TimelineEntry  # noqa: E402
from cases.services import bucket, collecting, evidence, inspection  # noqa: E402
from cases.services.collecting import Source  # noqa: E402
from cases.services.described import Acquired  # noqa: E402
from cases.services.store import folder_store, store  # noqa: E402

bucket.PART = 1 << 20  # where a bucket is set, the image has parts
CONTENT = bytes(range(256)) * 12_000


def begin() -> None:
    at = timezone.now()
    times = {"opened_at": at, "first_alert_at": at, "last_alert_at": at, "updated_at": at}
    Case.objects.create(title="Chaos", severity=3, **times)


def receive() -> None:
    """A few chunks, so that a death in the middle leaves half a file."""
    evidence.receive(Case.objects.get().pk, [b"x" * 1_000_000] * 3, kind="disk", title="Disk", is_sealed=True)
    report()


def collect() -> None:
    """One slice after another, as polls would; what another process left is gone on with."""

    def read(offset: int) -> Iterator[bytes]:
        yield from (CONTENT[at : at + 1_000_000] for at in range(offset, len(CONTENT), 1_000_000))

    source = Source(ref="step 7: disk.raw", size=len(CONTENT), read=read)
    how = Acquired(source_sha256=hashlib.sha256(CONTENT).hexdigest())
    case_id = Case.objects.get().pk
    while not collecting.collect(case_id, source, how, seconds=0, kind="disk", title="Disk").item:
        continue
    report()


def report() -> None:
    items = list(Evidence.objects.values_list("sha256", flat=True))
    said = {
        "items": len(items),
        "whole": [store().has(sha256) for sha256 in items],
        "entries": list(CustodyEntry.objects.values_list("action", flat=True)),
        "lines": TimelineEntry.objects.count(),
        "problems": [line for case in Case.objects.all() for line in inspection.problems(case)],
        "unknown": len(list(inspection.unknown_files())),
        "left": len(list(folder_store().tmp.iterdir())),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    {"begin": begin, "receive": receive, "collect": collect, "report": report}[sys.argv[1]]()
