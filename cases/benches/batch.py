"""intake_batch, intake_repeat and intake_storm: the service against the bare rows, again, and all at once."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from time import perf_counter
from typing import Any, ClassVar

from django.db import connection, models, transaction

from cases.intake.messages import Message
from cases.models import Alert, AlertObservable, AlertPayload, Case, CaseObservable, Observable, TimelineEntry
from cases.services import alerts, bulk, shipped

SIZE = 1_000  # alerts in a call
HOSTS = 2_000
SIGNATURES = 40
SEED = 7

_numbers = count(1)  # fresh for the life of the process, so that no alert is ever sent twice by accident
_random = Random(SEED)  # noqa: S311 - test data, not a secret


def eve_alerts(number: int, *, host: int | None = None, signature: int | None = None) -> list[Message]:
    """Suricata EVE alerts of about 1.4 kB with three observables and a fresh destination each."""
    return [_message(next(_numbers), host, signature) for _ in range(number)]


def _message(number: int, host: int | None, signature: int | None) -> Message:
    host = _random.randrange(HOSTS) if host is None else host
    signature = _random.randrange(SIGNATURES) if signature is None else signature
    far_end = f"198.{18 + number % 2}.{number // 2 % 256}.{number // 512 % 256}"
    payload: dict[str, Any] = {
        "timestamp": (datetime.now(UTC) - timedelta(seconds=5)).isoformat(),
        "flow_id": number,
        "in_iface": "ens192",
        "event_type": "alert",
        "src_ip": f"10.20.{host // 250}.{host % 250 + 1}",
        "src_port": 49_152 + number % 16_000,
        "dest_ip": far_end,
        "dest_port": 443,
        "proto": "TCP",
        "metadata": {"flowbits": ["tls.seen", f"bench.{number % 97}"]},
        "tx_id": 0,
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": 9_000_000 + signature,
            "rev": 3,
            "signature": f"BENCH POLICY Unusual outbound session to a rarely seen service, variant {signature}",
            "category": "Potentially Bad Traffic",
            "severity": 1 + signature % 3,
            "metadata": {"signature_severity": ["Minor"], "deployment": ["Perimeter"], "updated_at": ["2026_09_01"]},
        },
        "tls": {
            "subject": f"CN=host{number}.bench.example",
            "issuerdn": "C=XX, O=Bench Example Authority, CN=Bench Example Issuing CA 4",
            "serial": f"{number:032X}",
            "fingerprint": ":".join(f"{(number + place) % 256:02x}" for place in range(20)),
            "sni": f"host{number}.bench.example",
            "version": "TLS 1.3",
            "notbefore": "2026-08-01T00:00:00",
            "notafter": "2027-08-01T00:00:00",
        },
        "app_proto": "tls",
        "flow": {
            "pkts_toserver": 11,
            "pkts_toclient": 9,
            "bytes_toserver": 1_874,
            "bytes_toclient": 5_421,
            "start": (datetime.now(UTC) - timedelta(seconds=7)).isoformat(),
        },
        "host": "sensor-lis-01",
    }
    return Message(body=json.dumps(payload).encode(), payload=payload)


class IntakeBatch:
    """The whole service, 1,000 alerts a call, in process, against the same rows written bare with known ids."""

    name: ClassVar[str] = "intake_batch"
    unit: ClassVar[str] = "alerts/s"
    baseline_name: ClassVar[str] = "bare"
    calls: ClassVar[int] = 3

    def __init__(self) -> None:
        shipped.install()
        _take(eve_alerts(SIZE))  # warm: statements prepared, usual observables known

    @property
    def target(self) -> float:
        return 0.40 if bulk.is_postgres() else 0.25

    def measure(self) -> float:
        batches = [eve_alerts(SIZE) for _ in range(self.calls)]
        return self.calls * SIZE / _seconds(*(partial(_take, batch) for batch in batches))

    def baseline(self) -> float:
        copies = [_Copy.of_a_batch() for _ in range(self.calls)]
        return self.calls * SIZE / _seconds(*(copy.write for copy in copies))


class IntakeRepeat:
    """A batch sent again, against the first time."""

    name: ClassVar[str] = "intake_repeat"
    unit: ClassVar[str] = "alerts/s"
    baseline_name: ClassVar[str] = "first time"
    target = 5.0

    def __init__(self) -> None:
        shipped.install()
        self.batch = eve_alerts(SIZE)
        _take(self.batch)

    def measure(self) -> float:
        before = Alert.objects.count()
        speed = SIZE / _seconds(partial(_take, self.batch))
        if Alert.objects.count() != before:
            raise AssertionError("a repeated batch made new alerts")
        return speed

    def baseline(self) -> float:
        self.batch = eve_alerts(SIZE)
        return SIZE / _seconds(partial(_take, self.batch))


class IntakeStorm:
    """10,000 alerts of one fingerprint become one case, at the speed of intake_batch or better."""

    name: ClassVar[str] = "intake_storm"
    unit: ClassVar[str] = "alerts/s"
    baseline_name: ClassVar[str] = "intake_batch"
    target = 1.0
    size = 10_000

    def __init__(self) -> None:
        self.batch = IntakeBatch()
        self.round = 0

    def measure(self) -> float:
        self.round += 1
        before = Case.objects.count()
        messages = eve_alerts(self.size, host=HOSTS + self.round, signature=SIGNATURES)
        speed = self.size / _seconds(partial(_take, messages))
        if Case.objects.count() != before + 1:
            raise AssertionError("a storm of one fingerprint made more than one case")
        return speed

    def baseline(self) -> float:
        return self.batch.measure()


def _take(messages: list[Message]) -> None:
    receipt = alerts.receive(messages, detector="suricata", source="bench")
    if receipt.number("rejected") or receipt.number("ignored"):
        raise AssertionError("the bench sends alerts that are not taken")


def _seconds(*works: Callable[[], None]) -> float:
    begin = perf_counter()
    for work in works:
        work()
    return perf_counter() - begin


class _Copy:
    """The rows that one batch wrote, read back and given fresh keys, ready to be written bare."""

    TABLES: ClassVar[tuple[type[models.Model], ...]] = (
        Observable,
        Case,
        Alert,
        AlertPayload,
        AlertObservable,
        CaseObservable,
        TimelineEntry,
    )

    def __init__(self, rows: dict[type[models.Model], list[dict[str, Any]]]) -> None:
        self.rows = rows

    @classmethod
    def of_a_batch(cls) -> "_Copy":
        last = {model: _last(model) for model in cls.TABLES}
        _take(eve_alerts(SIZE))
        rows = {model: _rows_after(model, last[model]) for model in cls.TABLES}
        keyed: tuple[type[models.Model], ...] = (Observable, Case, Alert)
        fresh = {model: _fresh_ids(model, rows[model]) for model in keyed}
        mark = f"-{next(_numbers)}"
        for model, found in rows.items():
            for row in found:
                _renew(model, row, fresh, mark)
        return cls(rows)

    def write(self) -> None:
        with transaction.atomic():
            for model, rows in self.rows.items():
                if rows:
                    _write_bare(model, rows)


def _last(model: type[models.Model]) -> int:
    return int(model._default_manager.order_by("-pk").values_list("pk", flat=True).first() or 0)


def _rows_after(model: type[models.Model], last: int) -> list[dict[str, Any]]:
    key = model._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {model._meta.db_table} WHERE {key} > %s", [last])  # noqa: S608 - our names
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def _fresh_ids(model: type[models.Model], rows: list[dict[str, Any]]) -> dict[int, int]:
    with transaction.atomic():
        (ids,) = bulk.new_ids((model, len(rows)))
    if not bulk.is_postgres():  # nothing was reserved: stay far away from what comes next
        start = 10**12 + next(_numbers) * 10**8
        ids = range(start, start + len(rows))
    return dict(zip((row["id"] for row in rows), ids, strict=True))


_KEYS = {"case_id": Case, "alert_id": Alert, "observable_id": Observable}
_UNIQUE = {Observable: "value_key", Case: "fingerprint", Alert: "source_ref"}


def _renew(
    model: type[models.Model], row: dict[str, Any], fresh: dict[type[models.Model], dict[int, int]], mark: str
) -> None:
    if model in fresh:
        row["id"] = fresh[model][row["id"]]
        row[_UNIQUE[model]] = f"{row[_UNIQUE[model]][: -len(mark)]}{mark}"
    elif "id" in row:
        del row["id"]
    if model is TimelineEntry and row["case_id"] not in fresh[Case]:
        row["seq"] += 1_000_000 + next(_numbers)  # a case that was there: a number that is still free
    for column, target in _KEYS.items():
        if column in row:
            row[column] = fresh[target].get(row[column], row[column])
    for column, value in row.items():
        if isinstance(value, dict | list):
            row[column] = json.dumps(value)


def _write_bare(model: type[models.Model], rows: list[dict[str, Any]]) -> None:
    names, values = ", ".join(rows[0]), [tuple(row.values()) for row in rows]
    with connection.cursor() as cursor:
        if bulk.is_postgres():
            with cursor.copy(f"COPY {model._meta.db_table} ({names}) FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {model._meta.db_table} ({names}) VALUES ({marks})", values)  # noqa: S608
