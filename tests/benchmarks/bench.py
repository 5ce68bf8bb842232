"""What every benchmark here does the same way: interleaved passes, medians, ratios to a baseline, goals, JSON.

A machine that does other work too gets slower and faster by the minute. So nothing is measured alone: the
variants of a table take turns, pass after pass, and each is compared with a baseline of the same passes.
Seconds are of this machine in this hour; ratios are what carries over. What a core does is told by the time
that the process had it (`clock="core"`); what a user waits for, by the time on the wall (`clock="wall"`).

    bench = Bench.from_command_line("what this measures")
    table = bench.table("exact merges", baseline="numpy", unit="ms", of=lambda s: s * 1e3)
    table.measure({"numpy": ..., "ours": ...})
    bench.goal("ours, 2048 by 2048", table["ours"], "<=", 60.0)
    bench.finish()
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from click import echo

PASSES, PASSES_QUICK = 15, 5
CLOCKS = {"core": time.process_time, "wall": time.perf_counter}
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SECONDS_PER_TABLE, SECONDS_PER_TABLE_QUICK = 60.0, 6.0
"""A table takes no further pass once this is over, but always one of everything."""


@dataclass(kw_only=True)
class Table:
    """Variants that took turns."""

    title: str
    baseline: str
    unit: str
    of: Callable[[float], float]
    """From the seconds of one call to the figure that is shown."""
    clock: str
    passes: int
    seconds_max: float
    times_s: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, variants: Mapping[str, Callable[[], object]]) -> None:
        """Run all variants in turn, once to warm up where that is cheap, then pass after pass; print the table."""
        self.times_s = {name: [] for name in variants}
        started = time.perf_counter()
        for number in range(-1, self.passes):
            for name, call in variants.items():
                took_s = _seconds(call, CLOCKS[self.clock])
                if number >= 0 or took_s > self.seconds_max / 10:
                    self.times_s[name].append(took_s)
            if time.perf_counter() - started > self.seconds_max and all(self.times_s.values()):
                break
        self._print()

    def __getitem__(self, name: str) -> float:
        return self.of(statistics.median(self.times_s[name]))

    def figures(self) -> list[dict[str, object]]:
        """The table as data."""
        return [
            {
                "table": self.title,
                "name": name,
                "unit": self.unit,
                "clock": self.clock,
                "median": self[name],
                "fastest": self.of(min(times)),
                "slowest": self.of(max(times)),
                "passes": len(times),
                "times_of_baseline": self._ratio(name),
            }
            for name, times in self.times_s.items()
        ]

    def _ratio(self, name: str) -> float:
        return statistics.median(self.times_s[name]) / statistics.median(self.times_s[self.baseline])

    def _print(self) -> None:
        width = max(map(len, self.times_s))
        head = f"{'median':>10}  {'fastest':>10}  {'slowest':>10}"
        echo(f"\n{self.title} ({self.clock} time)")
        echo(f"  {'':{width}}  {head}  {self.unit:6}  time : {self.baseline}")
        for name, times in self.times_s.items():
            shown = (self[name], self.of(min(times)), self.of(max(times)))
            columns = "  ".join(f"{value:10.3f}" for value in shown)
            echo(f"  {name:{width}}  {columns}  {self.unit:6}  {self._ratio(name):.2f} ({len(times)} passes)")


@dataclass(kw_only=True)
class Bench:
    """One benchmark's run: its tables, its other figures and its goals."""

    quick: bool
    json_file: Path | None
    tables: list[Table] = field(default_factory=list)
    figures: list[dict[str, object]] = field(default_factory=list)
    goals: list[dict[str, object]] = field(default_factory=list)

    @staticmethod
    def from_command_line(what: str) -> "Bench":
        """Read `--quick` and `--json FILE`."""
        parser = argparse.ArgumentParser(description=what)
        parser.add_argument("--quick", action="store_true", help="fewer passes and sizes; ends within a minute")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and goals to FILE")
        given = parser.parse_args()
        return Bench.begun(what, quick=given.quick, json_file=given.json)

    @staticmethod
    def begun(what: str, *, quick: bool, json_file: Path | None) -> "Bench":
        """For a benchmark that reads its own command line."""
        echo(f"{what}\n{_machine()}")
        return Bench(quick=quick, json_file=json_file)

    def table(
        self, title: str, *, baseline: str, unit: str, of: Callable[[float], float], clock: str = "wall"
    ) -> Table:
        """A new table; `measure` fills it."""
        table = Table(
            title=title,
            baseline=baseline,
            unit=unit,
            of=of,
            clock=clock,
            passes=PASSES_QUICK if self.quick else PASSES,
            seconds_max=SECONDS_PER_TABLE_QUICK if self.quick else SECONDS_PER_TABLE,
        )
        self.tables.append(table)
        return table

    def figure(self, name: str, value: float, unit: str) -> None:
        """Show a number that is no time."""
        self.figures.append({"name": name, "value": value, "unit": unit})
        echo(f"  {name}: {value:.4g} {unit}")

    def row(self, **columns: object) -> None:
        """Show numbers that belong together."""
        self.figures.append(columns)
        echo("  " + "  ".join(f"{key} {value}" for key, value in columns.items()))

    def goal(self, name: str, value: float, comparison: str, goal: float) -> None:
        """Note whether `value` is `<=` or `>=` its goal."""
        met = value <= goal if comparison == "<=" else value >= goal
        self.goals.append({"name": name, "value": value, "goal": f"{comparison} {goal:g}", "met": met})

    def finish(self) -> None:
        """Print the goals and write the file. A missed goal is printed, not punished: machines are busy."""
        echo("\ngoals")
        for goal in self.goals:
            echo(f"  {'met   ' if goal['met'] else 'MISSED'}  {goal['name']}: {goal['value']:.4g} ({goal['goal']})")
        if self.json_file:
            figures = [*self.figures, *(row for table in self.tables for row in table.figures())]
            document = {"machine": _machine(), "quick": self.quick, "figures": figures, "goals": self.goals}
            self.json_file.write_text(json.dumps(document, indent=2) + "\n")


def cpu_s(pid: int) -> float:
    """CPU time of a process so far, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def forget_peak(pid: int) -> int:
    """Begin a new peak of memory; the bytes that the process holds now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _status_bytes(pid, "VmRSS")


def peak_bytes(pid: int) -> int:
    """The most memory that a process held since `forget_peak`."""
    return _status_bytes(pid, "VmHWM")


def _status_bytes(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def _seconds(call: Callable[[], object], clock: Callable[[], float]) -> float:
    started = clock()
    call()
    return clock() - started


def _machine() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = names[0].partition(":")[2].strip() if names else platform.machine()
    load = os.getloadavg()[0]
    python = sys.version.split()[0]
    return f"{os.cpu_count()} cores of {model}, load {load:.1f}, Linux {platform.release()}, Python {python}"
