"""What every run of the tests ends with: where the time went, and what was skipped or left out, and why."""

from collections import Counter
from collections.abc import Generator, Iterable
from fcntl import LOCK_EX, flock
from pathlib import Path
from tempfile import gettempdir

import pytest
import structlog
from hypothesis import settings

SIZES = ("full", "nightly")
LEFT_OUT = "shoal_left_out"
LONGEST_PARTS = 12


@pytest.fixture(autouse=True)
def _log_of_its_own() -> Generator[None, None, None]:
    """No test inherits another's log, whose stream may be closed by now."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def default_ports() -> Generator[None, None, None]:
    """The documented ports, for one test at a time: tests that type what a page says cannot choose others."""
    with (Path(gettempdir()) / "shoal-default-ports.lock").open("w") as file:
        flock(file, LOCK_EX)
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Tests are small unless marked; each option lets one more size in."""
    group = parser.getgroup("shoal")
    group.addoption("--full", action="store_true", help="also what is slow or needs a service")
    group.addoption("--nightly", action="store_true", help="also the soaks; implies --full")


def pytest_configure(config: pytest.Config) -> None:
    """The same examples on every run, so that a red run means a change; the nightly run draws fresh ones.

    None has a deadline: how long one takes says how busy the machine is, and speed is measured in benchmarks.
    """
    settings.register_profile("steady", derandomize=True, database=None, deadline=None)
    settings.register_profile("fresh", derandomize=False, deadline=None)
    settings.load_profile("fresh" if config.option.nightly else "steady")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the sizes that were not asked for; the end of the run says how many of each."""
    left_out = [(item, size) for item in items if (size := _unwanted_size(item, config))]
    if left_out:
        config.hook.pytest_deselected(items=[item for item, _ in left_out])
        dropped = {id(item) for item, _ in left_out}
        items[:] = [item for item in items if id(item) not in dropped]
    counts = dict(Counter(size for _, size in left_out))
    setattr(config, LEFT_OUT, counts)
    if hasattr(config, "workeroutput"):
        config.workeroutput[LEFT_OUT] = counts


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Under xdist only the workers collect, all of them the same; take the count from whoever ends."""
    counts = getattr(node, "workeroutput", {}).get(LEFT_OUT)
    config = getattr(node, "config", None)
    if counts is not None:
        setattr(config, LEFT_OUT, counts)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Print the closing lists behind everything that pytest itself has to say."""
    yield
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or session.config.option.collectonly:
        return
    terminal.section("seconds by part", bold=True)
    for line in _seconds(terminal.stats):
        terminal.line(line)
    terminal.section("skipped and left out", bold=True)
    for line in (*_skips(terminal.stats.get("skipped", [])), *_left_out(getattr(session.config, LEFT_OUT, {}))):
        terminal.line(line)


def _unwanted_size(item: pytest.Item, config: pytest.Config) -> str | None:
    wanted = {"full": config.option.full or config.option.nightly, "nightly": config.option.nightly}
    return next((size for size in reversed(SIZES) if item.get_closest_marker(size) and not wanted[size]), None)


def _skips(reports: Iterable[pytest.TestReport | pytest.CollectReport]) -> list[str]:
    lines = {f"skipped: {report.nodeid}: {_reason(report)}" for report in reports}
    return sorted(lines) or ["nothing was skipped"]


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


def _left_out(counts: dict[str, int]) -> list[str]:
    return [f"left out: {counts.get(size, 0)} marked {size} (scripts/test --{size})" for size in SIZES]


def _seconds(stats: dict[str, list[object]]) -> list[str]:
    """Every gate by name, everything else by folder; setup and teardown count where they happen."""
    total: Counter[str] = Counter()
    for report in (report for reports in stats.values() for report in reports):
        if isinstance(report, pytest.TestReport):
            total[_part(report.nodeid)] += report.duration
    return [f"{seconds:7.1f} s  {part}" for part, seconds in total.most_common(LONGEST_PARTS)]


def _part(nodeid: str) -> str:
    path, _, test = nodeid.partition("::")
    return f"gate {test}" if path.endswith("test_gates.py") else path.rpartition("/")[0]
