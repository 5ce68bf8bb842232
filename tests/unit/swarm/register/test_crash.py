"""A process killed at any point of any write leaves every acknowledged commit, and nothing in part."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from shoal_swarm.register import open_register
from shoal_swarm.register.schema import MIGRATIONS
from tests.unit.swarm.register.wreck import inspect_wreck
from tests.unit.swarm.register.writer import COLOUR, KINDS, LABELS, OPENING_LABELS, go_on

STEPS_LABELLED = 4
KILLED = -signal.SIGKILL


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where the store of a test lies."""
    return f"sqlite:///{tmp_path}/state/register.db"


def _mostly_full(labels: Sequence[str]) -> list[object]:
    """Every label; all but the last, which is the hardest, only in the full suite."""
    return [*(pytest.param(label, marks=pytest.mark.full) for label in labels[:-1]), labels[-1]]


def _seeded(seed: object) -> random.Random:
    return random.Random(str(seed))  # noqa: S311 - chance that can be repeated, no secret


def _writer(url: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "tests.unit.swarm.register.writer", url, *map(str, arguments)]


def _run(url: str, *arguments: object) -> tuple[int, list[str]]:
    ended = subprocess.run(_writer(url, *arguments), stdout=subprocess.PIPE, text=True, check=False)
    return ended.returncode, ended.stdout.splitlines()


def test_a_writer_that_nobody_kills_does_every_step(url: str) -> None:
    code, acknowledged = _run(url, 4)
    assert code == 0
    assert inspect_wreck(url, acknowledged) == dict.fromkeys(KINDS, 4)


@pytest.mark.parametrize("label", ["after UPDATE", "before COMMIT", "before acknowledgement"])
def test_killed_at_a_label(url: str, label: str) -> None:
    _kill_at(url, label, _seeded(label).randint(1, 6))


@pytest.mark.full
@pytest.mark.parametrize("count", range(1, 13, 2))
@pytest.mark.parametrize("label", LABELS)
def test_killed_at_a_label_at_every_other_call(url: str, label: str, count: int) -> None:
    _kill_at(url, label, count)


def _kill_at(url: str, label: str, count: int) -> None:
    code, acknowledged = _run(url, STEPS_LABELLED, label, count)
    assert code == KILLED, f"{label} does not come up {count} times"
    held = inspect_wreck(url, acknowledged)
    undone = sum(held.values()) - sum(line.split()[0] in KINDS for line in acknowledged)
    assert undone == (1 if label == "before acknowledgement" else 0)
    with open_register(url) as register:
        acknowledged += go_on(register, 2)
    inspect_wreck(url, acknowledged)


@pytest.mark.parametrize("label", _mostly_full(OPENING_LABELS))
def test_killed_while_opening(url: str, label: str) -> None:
    if "ALTER" in label:
        open_register(url).close()
        code, _ = _run(url, "migrate", label)
    else:
        code, _ = _run(url, 0, label)
    assert code == KILLED
    assert inspect_wreck(url, []) == dict.fromkeys(KINDS, 0)


@pytest.mark.parametrize("label", _mostly_full(OPENING_LABELS[1:]))
def test_killed_while_migrating_leaves_the_old_version_with_its_data(url: str, label: str) -> None:
    _, acknowledged = _run(url, 2)
    count = 2 if label.endswith("COMMIT") else 1  # the first commit ends the look at the version
    code, _ = _run(url, "migrate", label, count)
    assert code == KILLED
    assert inspect_wreck(url, acknowledged) == dict.fromkeys(KINDS, 2)
    code, _ = _run(url, "migrate")
    assert code == 0
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("SELECT max(version) FROM schema").fetchone() == (COLOUR.version,)
        assert len(MIGRATIONS) < COLOUR.version
        assert connection.execute("SELECT count(*) FROM runs WHERE colour = 'grey'").fetchone() == (3,)


def test_killed_again_and_again_at_random(url: str) -> None:
    _kill_at_random(url, _seeded(20), kills=4)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2))
def test_killed_again_and_again_at_random_at_length(url: str, seed: int) -> None:
    _kill_at_random(url, _seeded(seed), kills=40)


def _kill_at_random(url: str, chance: random.Random, kills: int) -> None:
    """Let writers go on from each other's wreck; the moment is `chance`'s, in lines heard and in microseconds."""
    held = dict.fromkeys(KINDS, 0)
    for _ in range(kills):
        acknowledged = [f"{kind} {number}" for kind, number in held.items()]
        with subprocess.Popen(_writer(url, 10_000), stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            acknowledged += [writer.stdout.readline() for _ in range(chance.randint(1, 40))]
            time.sleep(chance.uniform(0, 0.004))
            writer.kill()
            acknowledged += [line for line in writer.stdout if line.endswith("\n")]
        assert writer.returncode == KILLED
        held = inspect_wreck(url, acknowledged)
    assert min(held.values()) > kills
