"""Which machines the contract is held on: files under two kinds of death, and the simulator's disk."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.contracts.storage.machines import Killed, KilledAndLater, Machine, PowerLost, Simulated

SEEDS = range(1, 20)
MACHINES: dict[str, Callable[[Path], Machine]] = {
    "killed": Killed,
    "power lost, the worst": PowerLost,
    "killed and later power lost": KilledAndLater,
    "simulated": lambda _: Simulated(),
    **{f"power lost, any way {seed}": lambda home, seed=seed: PowerLost(home, seed) for seed in SEEDS},  # type: ignore[misc]
}
IN_FULL = {f"power lost, any way {seed}" for seed in SEEDS[1:]}


@pytest.fixture
def home() -> Iterator[Path]:
    """A place for machines: in memory where that can be had, for thousands of small files come and go."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder with an unforeseeable name is made inside
    with TemporaryDirectory(prefix="shoal-", dir=memory if os.access(memory, os.W_OK) else None) as made:
        yield Path(made)


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.full if name in IN_FULL else []) for name in MACHINES])
def make_machine(request: pytest.FixtureRequest, home: Path) -> Callable[[], Machine]:
    """Makes new machines of one kind."""
    made = count()
    return lambda: MACHINES[request.param](home / f"machine-{next(made)}")


@pytest.fixture
def machine(make_machine: Callable[[], Machine]) -> Machine:
    """A new machine."""
    return make_machine()
