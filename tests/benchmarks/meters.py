"""What the wire benchmark reads off processes and the machine, and its report: figures and goals as JSON."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that was promised, and whether it was reached."""

    name: str
    value: float
    goal: str
    met: bool


@dataclass(slots=True)
class Report:
    """Everything that one run measured."""

    benchmark: str
    machine: dict[str, object] = field(default_factory=dict)
    figures: list[dict[str, object]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)

    def at_least(self, name: str, value: float, least: float) -> None:
        self.goals.append(Goal(name, round(value, 3), f">= {least:g}", value >= least))

    def at_most(self, name: str, value: float, most: float) -> None:
        self.goals.append(Goal(name, round(value, 3), f"<= {most:g}", value <= most))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def machine() -> dict[str, object]:
    """What the figures were taken on, and how busy it was."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


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


def middle(values: Sequence[float]) -> float:
    return statistics.median(values)


def _status_bytes(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)
