"""Conditions of a hunt in Defender's hunting language, as far as its plain operators say them.

Where they can only say a little too much (a pattern with several wildcards), the rows are compared again by us; inside
a negation that would lose hits, so there it is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from secops.connectors import microsoft_kql as kql
from secops.connectors.capabilities.errors import SourceRefused
from secops.hunting.conditions import ONE, Both, Condition, Either, Empty, Kind, Leaf, Near, Not, Number, Regex, Text

STARTER = "InitiatingProcess"
JOINT = "\\"  # between a registry key and its value's name
ROOTS = {"hklm\\": "HKEY_LOCAL_MACHINE\\", "hkcr\\": "HKEY_CLASSES_ROOT\\"}
PERSONS_ROOTS = ("hku\\", "hkcu\\", "hkey_users\\", "hkey_current_user\\")
MOST_CHARACTERS = 9_000  # of one query; the product takes 10,000

Columns = tuple[str, ...]  # one column, or two that are read as one text


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`columns` by our field; `shown` are those that make a hit: what it is, and the detail."""

    name: str
    columns: Mapping[str, Columns]
    shown: tuple[Columns, Columns]
    actions: Mapping[str, str] = field(default_factory=dict)  # our word: the product's ActionType


def _hashes(prefix: str = "") -> dict[str, Columns]:
    return {"sha256": (f"{prefix}SHA256",), "sha1": (f"{prefix}SHA1",), "md5": (f"{prefix}MD5",)}


_STARTER: dict[str, Columns] = {"image": (f"{STARTER}FolderPath",), "user": (f"{STARTER}AccountName",)}
TABLES: dict[Kind, Table] = {
    Kind.PROCESS: Table(
        name="DeviceProcessEvents",
        columns={
            **_hashes(),
            "image": ("FolderPath",),
            "user": ("AccountName",),
            "command_line": ("ProcessCommandLine",),
            "parent_image": (f"{STARTER}FolderPath",),
            "parent_command_line": (f"{STARTER}CommandLine",),
            "original_name": ("ProcessVersionInfoOriginalFileName",),
            "company": ("ProcessVersionInfoCompanyName",),
            "product": ("ProcessVersionInfoProductName",),
            "description": ("ProcessVersionInfoFileDescription",),
            "integrity": ("ProcessIntegrityLevel",),
            "pid": ("ProcessId",),
        },
        shown=(("FolderPath",), ("ProcessCommandLine",)),
    ),
    Kind.FILE: Table(
        name="DeviceFileEvents",
        columns=_STARTER | _hashes() | {"path": ("FolderPath",), "action": ("ActionType",)},
        shown=(("FolderPath",), (f"{STARTER}FolderPath",)),
        actions={"deleted": "FileDeleted", "created": "FileCreated"},
    ),
    Kind.REGISTRY: Table(
        name="DeviceRegistryEvents",
        columns=_STARTER
        | {"key": ("RegistryKey", "RegistryValueName"), "value": ("RegistryValueData",), "action": ("ActionType",)},
        shown=(("RegistryKey", "RegistryValueName"), ("RegistryValueData",)),
        actions={
            "setvalue": "RegistryValueSet",
            "createkey": "RegistryKeyCreated",
            "deletekey": "RegistryKeyDeleted",
            "deletevalue": "RegistryValueDeleted",
        },
    ),
    Kind.NETWORK: Table(
        name="DeviceNetworkEvents",
        columns=_STARTER
        | {
            "peer": ("RemoteIP",),
            "peer_name": ("RemoteUrl",),
            "peer_port": ("RemotePort",),
            "address": ("LocalIP",),
        },
        shown=(("RemoteIP",), (f"{STARTER}FolderPath",)),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """`text` is the condition; `columns` all that it reads; `is_exact`: nothing needs to be compared again."""

    text: str
    columns: frozenset[str]
    is_exact: bool = True


def table_of(kind: Kind) -> Table:
    """SourceRefused for what hunting has no table of."""
    if kind not in TABLES:
        raise SourceRefused(f"Hunting has no table of {kind.label}.")
    return TABLES[kind]


def where_of(condition: Condition, table: Table) -> Where:
    """SourceRefused names the part that cannot be said."""
    found = _turned(condition, table)
    if len(found.text) > MOST_CHARACTERS:
        raise SourceRefused("The rule is longer than a hunting query may be.")
    return found


def _turned(condition: Condition, table: Table) -> Where:
    match condition:
        case Both(parts) | Either(parts):
            return _joined([_turned(part, table) for part in parts], isinstance(condition, Both))
        case Not(part):
            inner = _turned(part, table)
            if not inner.is_exact:
                raise SourceRefused("Hunting cannot say that a pattern with several wildcards does not fit.")
            return Where(text=f"not({inner.text})", columns=inner.columns)
        case _:
            return _leaf(condition, table)


def _joined(found: list[Where], is_both: bool) -> Where:
    return Where(
        text=f"({(' and ' if is_both else ' or ').join(one.text for one in found)})",
        columns=frozenset(name for one in found for name in one.columns),
        is_exact=all(one.is_exact for one in found),
    )


def _leaf(leaf: Leaf, table: Table) -> Where:
    if isinstance(leaf, Near):
        raise SourceRefused(f"{table.name} holds no TLSH digest, so similar files cannot be looked for there.")
    columns = table.columns.get(leaf.field)
    if columns is None:
        raise SourceRefused(f"{table.name} does not hold {leaf.field.replace('_', ' ')}.")
    match leaf:
        case Empty():
            text = " and ".join(f"isempty({column})" for column in columns)
            return Where(text=f"({text})", columns=frozenset(columns))
        case Number(_, sign, value):
            return Where(text=f"{columns[0]} {sign} {value}", columns=frozenset(columns))
        case Regex():
            raise SourceRefused("Regular expressions are not asked of hunting.")
        case Text():
            return _text(leaf, table, columns)


def _text(leaf: Text, table: Table, columns: Columns) -> Where:
    if any(ONE in piece for piece in leaf.pieces):
        raise SourceRefused("Hunting has no wildcard for one character.")
    if leaf.field == "action":
        return _action(leaf, table, columns[0])
    if leaf.is_cased:
        if len(columns) > 1 or not leaf.is_plain:
            raise SourceRefused("Hunting is asked without regard to case only.")
        return Where(text=f"{columns[0]} == {kql.text(leaf.pieces[0])}", columns=frozenset(columns))
    pieces = tuple(map(_long_root, leaf.pieces)) if leaf.field == "key" else leaf.pieces
    tests = _tests(pieces)
    texts = [_test(operator, piece, columns) for operator, piece in tests]
    return Where(text=f"({' and '.join(texts)})", columns=frozenset(columns), is_exact=len(tests) < 2)


def _tests(pieces: tuple[str, ...]) -> list[tuple[str, str]]:
    """The operators that together say the pattern, or a little too much."""
    if len(pieces) == 1:
        return [("=~", pieces[0])]
    first, *inner, last = pieces
    tests = [("startswith", first), *(("contains", piece) for piece in inner), ("endswith", last)]
    return [(operator, piece) for operator, piece in tests if piece] or [("contains", "")]


def _test(operator: str, piece: str, columns: Columns) -> str:
    """The comparison; of two columns exactly as if they were one text with a backslash between."""
    if len(columns) == 1:
        return f"{columns[0]} {operator} {kql.text(piece)}"
    first, second = columns
    front = {"=~": "=~", "startswith": "=~", "contains": "endswith", "endswith": "endswith"}[operator]
    back = {"=~": "=~", "startswith": "startswith", "contains": "startswith", "endswith": "=~"}[operator]
    ways = [
        f"({first} {front} {kql.text(piece[:at])} and isnotempty({second})"
        f" and {second} {back} {kql.text(piece[at + 1 :])})"
        for at, sign in enumerate(piece)
        if sign == JOINT
    ]
    if operator in {"contains", "startswith"}:
        ways.append(f"{first} {operator} {kql.text(piece)}")
    if operator in {"=~", "endswith"}:
        ways.append(f"(isempty({second}) and {first} {operator} {kql.text(piece)})")
    if operator in {"contains", "endswith"}:
        ways.append(f"{second} {operator} {kql.text(piece)}")
    return f"({' or '.join(ways)})"


def _action(leaf: Text, table: Table, column: str) -> Where:
    word = table.actions.get(leaf.pieces[0].lower()) if leaf.is_plain else None
    if word is None:
        raise SourceRefused(f"{table.name} has no such action.")
    return Where(text=f"{column} == {kql.text(word)}", columns=frozenset({column}))


def _long_root(piece: str) -> str:
    """Keys are written in full there; a person's hive has another name than Sysmon's."""
    lower = piece.lower()
    if lower.startswith(PERSONS_ROOTS):
        raise SourceRefused("Hunting names a person's part of the registry differently: leave the root out.")
    return next((long + piece[len(short) :] for short, long in ROOTS.items() if lower.startswith(short)), piece)
