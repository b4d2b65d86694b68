"""Measuring against a baseline of the same run: pairs, alternating who goes first, medians of ratios."""

import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, Protocol, Self

from django.db import connection

NOISY_SPREAD = 1.5  # of the ratios, largest by smallest: neither ok nor missed


class Bench(Protocol):
    """One target of PERFORMANCE.md part 5. The ratio is measured by baseline; a ceiling wants it low, a floor high.

    `baseline` may answer None: then the value itself stands against the target.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    baseline_name: ClassVar[str]
    target: float

    def measure(self) -> float: ...

    def baseline(self) -> float | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the answer. `ok` is None when the spread is too large to judge."""

    name: str
    value: float
    unit: str
    baseline: float | None
    ratio: float | None
    min: float | None
    max: float | None
    target: float
    ok: bool | None
    is_ceiling: bool
    baseline_name: str

    @classmethod
    def of(cls, bench: type[Any], plain: dict[str, Any]) -> Self:
        """The result that `plain` wrote, with what the bench itself says of its comparison."""
        return cls(**plain, is_ceiling=is_ceiling(bench), baseline_name=bench.baseline_name)

    def plain(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key not in ("is_ceiling", "baseline_name")}

    def line(self) -> str:
        """`intake_batch  10,900 alerts/s  bare 15,300  ratio 0.70 (0.67-0.71)  target >= 0.40  ok`"""
        said = {True: "ok", False: "missed", None: "noisy"}[self.ok]
        sign = "<=" if self.is_ceiling else ">="
        against = ""
        if self.ratio is not None and self.baseline is not None:
            against = (
                f"{self.baseline_name} {self.baseline:,.4g}  ratio {self.ratio:.2f} ({self.min:.2f}-{self.max:.2f})  "
            )
        return f"{self.name}  {self.value:,.4g} {self.unit}  {against}target {sign} {self.target:g}  {said}"


def is_ceiling(bench: Any) -> bool:
    """Whether less is better."""
    return bool(getattr(bench, "is_ceiling", False))


def run(make: Callable[[], Bench], repeat: int) -> Result:
    """Measure in pairs; the ratio of each pair is taken, so that a slow minute slows both."""
    bench = make()
    pairs: list[tuple[float, float | None]] = []
    try:
        for number in range(repeat):
            pairs.append(_pair(bench, is_baseline_first=number % 2 == 0))
    finally:
        getattr(bench, "close", lambda: None)()
    return _result(bench, pairs)


def _pair(bench: Bench, *, is_baseline_first: bool) -> tuple[float, float | None]:
    if is_baseline_first:
        base = bench.baseline()
        return bench.measure(), base
    value = bench.measure()
    return value, bench.baseline()


def _result(bench: Bench, pairs: list[tuple[float, float | None]]) -> Result:
    value = median(measured for measured, _ in pairs)
    bases = [base for _, base in pairs if base is not None]
    ratios = [measured / base for measured, base in pairs if base]
    judged = median(ratios) if ratios else value
    is_met = judged <= bench.target if is_ceiling(bench) else judged >= bench.target
    is_noisy = bool(ratios) and max(ratios) > NOISY_SPREAD * min(ratios)
    return Result(
        name=bench.name,
        value=round(value, 4),
        unit=bench.unit,
        baseline=round(median(bases), 4) if bases else None,
        ratio=round(judged, 4) if ratios else None,
        min=round(min(ratios), 4) if ratios else None,
        max=round(max(ratios), 4) if ratios else None,
        target=bench.target,
        ok=None if is_noisy else is_met,
        is_ceiling=is_ceiling(bench),
        baseline_name=bench.baseline_name,
    )


def machine() -> dict[str, Any]:
    """Where it was measured; no names of hosts or paths."""
    return {
        "cpu": _first_of("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory": _first_of("/proc/meminfo", "MemTotal"),
        "database": connection.vendor,
        "python": platform.python_version(),
    }


def _first_of(path: str, key: str) -> str:
    file = Path(path)
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "unknown")
