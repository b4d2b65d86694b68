"""Conditions of a hunt as SQL: where events of each kind lie, which column a field is, and every comparison."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secops.connectors.capabilities.errors import SourceRefused
from secops.hunting.conditions import ONE, Both, Condition, Either, Empty, Kind, Leaf, Near, Not, Number, Regex, Text
from secops.logfiles.processes import KEY_SQL, LONG_ROOTS

ESCAPE = "!"

Sql = tuple[str, list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Where events of a kind lie: `columns` are our fields as SQL; `what` and `detail` are what a hit shows."""

    source: str
    where: str
    columns: Mapping[str, str]
    device: str
    what: str
    detail: str
    by_address: bool = False  # the device is an address, which a lease must name


def _same(*names: str, **others: str) -> dict[str, str]:
    return {name: name for name in names} | others


_PROGRAM = _same("image", "sha256", "sha1", "md5", "imphash", user="account")
_DONE = "CASE WHEN event = 11 THEN 'created' WHEN event = 4663 THEN 'used' ELSE 'deleted' END"
TABLES: dict[Kind, Table] = {
    Kind.PROCESS: Table(
        source="events",
        where="event IN (1, 4688)",
        columns=_PROGRAM
        | _same("command_line", "parent_image", "parent_command_line", "original_name", "company", "product")
        | _same("description", "integrity", "directory", "pid"),
        device="host",
        what="image",
        detail="command_line",
    ),
    Kind.FILE: Table(
        source="events",
        where="(event IN (11, 23, 26) OR (event = 4663 AND coalesce(object_kind, 'File') = 'File'))",
        columns=_PROGRAM | {"path": "target", "action": _DONE},
        device="host",
        what="target",
        detail="image",
    ),
    Kind.REGISTRY: Table(
        source="events",
        where="event IN (12, 13, 14)",
        columns=_same("image", "value", "action", user="account", key=KEY_SQL),
        device="host",
        what="target",
        detail="value",
    ),
    Kind.NETWORK: Table(
        source="events",
        where="event = 3",
        columns=_same("image", "peer", "peer_name", "peer_port", "address", user="account"),
        device="host",
        what="coalesce(nullif(peer_name, ''), peer)",
        detail="image",
    ),
    Kind.EVENT: Table(
        source="events",
        where="TRUE",
        columns=_PROGRAM
        | _same("command_line", "parent_image", "value", "action", "peer", "peer_port", "address", "event", "provider")
        | _same("logon_kind", "object_kind", path="target", key=KEY_SQL),
        device="host",
        what="coalesce(nullif(target, ''), nullif(image, ''), nullif(account, ''), 'event ' || event)",
        detail="message",
    ),
}
_BOTH_WAYS = """(
    SELECT seen_at, uid, orig AS device, resp AS peer, resp_port AS peer_port FROM flows
    UNION ALL SELECT seen_at, uid, resp AS device, orig AS peer, orig_port AS peer_port FROM flows
) AS flow LEFT JOIN (SELECT DISTINCT uid, name FROM names WHERE uid IS NOT NULL) AS named USING (uid)"""
FLOWS = Table(
    source=_BOTH_WAYS,
    where="TRUE",
    columns=_same("peer", "peer_port", peer_name="name"),
    device="device",
    what="coalesce(nullif(name, ''), peer)",
    detail="''",
    by_address=True,
)
INVENTORY = Table(
    source="inventory",
    where="TRUE",
    columns=_same("path", "sha256", "sha1", "md5", "tlsh"),
    device="host",
    what="path",
    detail="'size ' || size",
)
SHARES = Table(
    source="shares",
    where="TRUE",
    columns={"path": "share || '\\' || path"},
    device="orig",
    what="share || '\\' || path",
    detail="action",
    by_address=True,
)


def sql_of(condition: Condition, table: Table) -> Sql:
    """A condition that is never NULL, and its values; SourceRefused for a field that the table does not have."""
    match condition:
        case Both(parts) | Either(parts):
            found = [sql_of(part, table) for part in parts]
            word = " AND " if isinstance(condition, Both) else " OR "
            return f"({word.join(sql for sql, _ in found)})", [value for _, values in found for value in values]
        case Not(part):
            sql, values = sql_of(part, table)
            return f"NOT {sql}", values
        case _:
            return _leaf(condition, table)


def _leaf(leaf: Leaf, table: Table) -> Sql:
    column = table.columns.get(leaf.field)
    if column is None:
        raise SourceRefused(f"The log files do not hold {leaf.field.replace('_', ' ')} for this.")
    text = f"coalesce(CAST({column} AS VARCHAR), '')"
    match leaf:
        case Empty():
            return f"{text} = ''", []
        case Number(_, sign, value):
            return f"coalesce(try_cast({column} AS BIGINT) {'=' if sign == '==' else sign} ?, FALSE)", [value]
        case Regex(_, pattern, is_cased):
            return f"regexp_matches({text}, ?, '{'c' if is_cased else 'i'}')", [pattern]
        case Near():
            raise SourceRefused("Digests are compared one by one, outside of a query.")
        case Text():
            return _text_sql(leaf, text)


def _text_sql(leaf: Text, text: str) -> Sql:
    pieces = leaf.pieces
    if leaf.field == "key":
        pieces = tuple(_short_root(piece) for piece in pieces)
    if leaf.is_plain:
        return (f"{text} = ?", [pieces[0]]) if leaf.is_cased else (f"lower({text}) = lower(?)", [pieces[0]])
    escaped = "%".join("".join(_escaped(sign) for sign in piece) for piece in pieces)
    is_like = leaf.is_cased and leaf.field != "key"
    return f"{text} {'LIKE' if is_like else 'ILIKE'} ? ESCAPE '{ESCAPE}'", [escaped]


def _escaped(sign: str) -> str:
    if sign == ONE:
        return "_"
    return ESCAPE + sign if sign in {"%", "_", ESCAPE} else sign


def _short_root(piece: str) -> str:
    """Keys are compared in Sysmon's short form."""
    lower = piece.lower()
    return next((short + piece[len(long) :] for long, short in LONG_ROOTS if lower.startswith(long)), piece)
