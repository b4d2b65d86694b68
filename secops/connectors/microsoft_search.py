"""A hunt over Defender's event tables: one query a question, counted per device and what was found there."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from secops.connectors import microsoft_kql as kql
from secops.connectors.capabilities.errors import SourceRefused
from secops.connectors.capabilities.hunting import Hunted, HuntHit, HuntLoad, Scope
from secops.connectors.microsoft_hunting import LOOK_BACK
from secops.connectors.microsoft_kql import Row, word
from secops.connectors.microsoft_where import JOINT, Columns, Table, table_of, where_of
from secops.hunting.conditions import Condition, Kind, Query, holds

MARGIN = timedelta(minutes=5)  # the product's clock and ours may differ by so much
MOST_DEVICES = 400  # of a group that a query can name


class SearchQuestions:
    """Mixed into the Graph connector, which gives `hunt`."""

    def hunt(self, query: str) -> list[Row]:
        """Rows of one query; SourceRefused when it is not taken."""
        raise NotImplementedError

    def hunt_load(self, scope: Scope, start: datetime, end: datetime) -> HuntLoad:
        """Devices that reported within the 30 days that hunting keeps."""
        kept = _kept_from(start, end)
        group = f" and MachineGroup =~ {kql.text(scope.group)}" if scope.group else ""
        rows = self.hunt(f"DeviceInfo | where {kql.within(kept, end)}{group} | summarize devices = dcount(DeviceId)")
        return HuntLoad(devices=kql.number(rows[0], "devices") if rows else 0, covers_from=kept)

    def hunt_for(self, query: Query, scope: Scope, start: datetime, end: datetime, limit: int) -> Hunted:
        """The rows are grouped by all that the condition reads, so that they can be compared again."""
        table, kept = table_of(query.kind), _kept_from(start, end)
        where = where_of(query.condition, table)
        shown = {column for columns in table.shown for column in columns}
        by = ["DeviceId", "DeviceName", *sorted(where.columns | shown)]
        text = (
            f"{table.name} | where {kql.within(kept, end)}{self._within_group(scope)} and {where.text}"
            f" | summarize first = min(Timestamp), times = count() by {', '.join(by)}"
            f" | order by first asc | take {limit + 1}"
        )
        rows = self.hunt(text)
        fits = rows if where.is_exact else [row for row in rows if _holds(query.condition, table, row)]
        hits: dict[tuple[str, str], HuntHit] = {}
        for row in fits:
            hit = _hit(query.kind, table, row)
            known = hits.get((hit.agent_id, hit.what.lower()))
            hits[hit.agent_id, hit.what.lower()] = replace(known, count=known.count + hit.count) if known else hit
        return Hunted(
            hits=list(hits.values())[:limit],
            covers_from=kept if kept > start + MARGIN else None,
            is_cut=len(rows) > limit,
        )

    def _within_group(self, scope: Scope) -> str:
        """The devices of the group by their ids: events do not say it."""
        if not scope.group:
            return ""
        rows = self.hunt(
            f"DeviceInfo | where MachineGroup =~ {kql.text(scope.group)} | distinct DeviceId | take {MOST_DEVICES + 1}"
        )
        if not rows:
            raise SourceRefused(f"There is no device group {scope.group}.")
        if len(rows) > MOST_DEVICES:
            raise SourceRefused(f"{scope.group} has more than {MOST_DEVICES} devices, too many to be named in a query.")
        return f" and DeviceId in {kql.texts(word(row, 'DeviceId') for row in rows)}"


def _kept_from(start: datetime, end: datetime) -> datetime:
    kept = max(start, datetime.now(UTC) - LOOK_BACK)
    if kept >= end:
        raise SourceRefused(f"Hunting keeps {LOOK_BACK.days} days, and the window ends before them.")
    return kept


def _holds(condition: Condition, table: Table, row: Row) -> bool:
    """The pattern again; patterns read no action, whose words are the product's own."""
    return holds(
        condition, {name: _joint(row, columns) for name, columns in table.columns.items()} | _actions(table, row)
    )


def _actions(table: Table, row: Row) -> dict[str, Any]:
    said = word(row, "ActionType")
    return {"action": next((ours for ours, theirs in table.actions.items() if theirs == said), said)}


def _joint(row: Row, columns: Columns) -> str:
    return JOINT.join(text for column in columns if (text := word(row, column)))


def _hit(kind: Kind, table: Table, row: Row) -> HuntHit:
    what, detail = table.shown
    return HuntHit(
        device=kql.short(word(row, "DeviceName")),
        agent_id=word(row, "DeviceId"),
        what=_joint(row, what),
        detail=_joint(row, detail)[:500],
        first_seen_at=kql.time_of(row, "first"),
        count=kql.number(row, "times") or 1,
        has_run=True if kind is Kind.PROCESS else None,
    )
