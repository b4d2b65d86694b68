"""What a tool says of an item: the one form that the limited process writes and that is believed nowhere else.

Its bounds are checked again by whoever reads it: the process read what an attacker made, so its words are foreign.
"""

from typing import Annotated

from msgspec import Meta, Struct

MOST_REPORT = 4_000_000  # bytes of the whole report as JSON
MOST_NOTABLE = 300
MOST_EVENTS = 60
MOST_COLUMNS = 8  # of a table
MOST_OBSERVABLES = 200
MOST_CARRIED = 25  # recovered files of one item
MOST_CARRIED_BYTES = 32_000_000  # of one of them
MOST_CARRIED_SUM = 200_000_000

Word = Annotated[str, Meta(max_length=64)]
Line = Annotated[str, Meta(max_length=600)]
Path = Annotated[str, Meta(max_length=1_024)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Meta(ge=0, le=2**62)]
Stamp = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]


class Fact(Struct, forbid_unknown_fields=True):
    label: Word
    value: Line


class Notable(Struct, forbid_unknown_fields=True, kw_only=True):
    """A file, a key, a peer: whatever a responder should look at, and why."""

    name: Path
    why: Annotated[list[Word], Meta(max_length=12)]
    size: Count | None = None
    sha256: Sha256 | None = None
    at: Stamp | None = None
    details: Line = ""


class Event(Struct, forbid_unknown_fields=True):
    """Something that somebody did there, at the time that the item itself gives, UTC."""

    at: Stamp
    text: Line


class Seen(Struct, forbid_unknown_fields=True):
    """An observable of the case: kind and role as cases.choices spells them."""

    kind: Word
    value: Path
    role: Word
    at: Stamp | None = None  # first seen there, UTC by the item's own clock
    how: Word = ""  # as what: tcp/443, DNS, TLS, HTTP


class Table(Struct, forbid_unknown_fields=True):
    title: Word
    columns: Annotated[list[Word], Meta(max_length=MOST_COLUMNS)]
    rows: Annotated[list[Annotated[list[Line], Meta(max_length=8)]], Meta(max_length=200)]


class Carried(Struct, forbid_unknown_fields=True):
    """A recovered file; its bytes follow the report, in the order of the list."""

    name: Path
    size: Annotated[int, Meta(ge=1, le=MOST_CARRIED_BYTES)]
    sha256: Sha256


class Report(Struct, tag="report", forbid_unknown_fields=True, kw_only=True):
    """Everything that one tool found in one item."""

    tool: Word
    version: Word
    sha256: Sha256 | None = None  # of the item, as the tool read it; None when it was too large to hash first
    guards: Annotated[list[Line], Meta(max_length=8)] = []
    facts: Annotated[list[Fact], Meta(max_length=60)] = []
    notable: Annotated[list[Notable], Meta(max_length=MOST_NOTABLE)] = []
    tables: Annotated[list[Table], Meta(max_length=8)] = []
    events: Annotated[list[Event], Meta(max_length=MOST_EVENTS)] = []
    observables: Annotated[list[Seen], Meta(max_length=MOST_OBSERVABLES)] = []
    limits: Annotated[list[Line], Meta(max_length=40)] = []
    carried: Annotated[list[Carried], Meta(max_length=MOST_CARRIED)] = []


class Refusal(Struct, tag="refusal", forbid_unknown_fields=True):
    """Instead of a report: why the item cannot be examined."""

    refused: Line
