"""When the power fails, a commit that was acknowledged is there, and what was on its way is not there at all."""

# A killed process leaves what the kernel has; a power failure leaves less. The log is written front to back and
# forced to the disk before each acknowledgement, so what is left of it is some length that reaches at least
# the last acknowledgement, and beyond that anything: nothing, noise, or zeros with later pages behind them.

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shoal_swarm.register import Won, open_register
from tests.contracts.register.samples import CONFIG_HASH
from tests.unit.swarm.register.wreck import inspect_wreck
from tests.unit.swarm.register.writer import KINDS, RUN, entries_of, record

WRITES = 12
CUTS = 25
CHANCE = random.Random(7)  # noqa: S311 - chance that can be repeated, no secret

Tail = Callable[[bytes], bytes]
TAILS: dict[str, Tail] = {
    "nothing": lambda _: b"",
    "noise": lambda rest: CHANCE.randbytes(len(rest)),
    "zeros": lambda rest: bytes(len(rest)),
    "a hole": lambda rest: bytes(min(len(rest), 4096)) + rest[4096:],
}


@dataclass(frozen=True)
class Picture:
    """A store in the middle of its work, and how long its log was at each acknowledgement."""

    database: bytes
    log: bytes
    acknowledged: list[int]

    def version_at(self, cut: int) -> int:
        """The last version whose acknowledgement lies before `cut`."""
        return sum(length <= cut for length in self.acknowledged)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Picture]:
    """Taken while the store is open, so that nothing was tidied up."""
    path = tmp_path_factory.mktemp("picture") / "state" / "register.db"
    log = path.with_name(f"{path.name}-wal")
    with open_register(f"sqlite:///{path}") as register:
        register.runs.create(RUN, CONFIG_HASH, record(1))
        acknowledged = [log.stat().st_size]
        for version in range(1, WRITES + 1):
            outcome = register.runs.write(RUN, version, record(version + 1), entries_of(version + 1))
            assert outcome == Won(version=version + 1)
            acknowledged.append(log.stat().st_size)
        yield Picture(database=path.read_bytes(), log=log.read_bytes(), acknowledged=acknowledged)


def test_the_log_grows_with_every_acknowledgement(picture: Picture) -> None:
    assert picture.acknowledged == sorted(set(picture.acknowledged))
    assert picture.acknowledged[-1] == len(picture.log)


@pytest.mark.parametrize("tail", TAILS)
def test_a_log_that_ends_anywhere_holds_what_was_acknowledged_before(
    picture: Picture, tail: str, tmp_path: Path
) -> None:
    edges = [length + off for length in picture.acknowledged[-3:] for off in (-1, 0, 1)]
    cuts = [min(cut, len(picture.log)) for cut in edges] + CHANCE.sample(range(len(picture.log)), CUTS)
    for number, cut in enumerate(cuts):
        url = _lay_out(tmp_path / str(number), picture, cut, TAILS[tail])
        version = picture.version_at(cut)
        held = inspect_wreck(url, [f"write {version - 1}"] if version else [])
        assert held == {**dict.fromkeys(KINDS, 0), "write": max(version - 1, 0)}


def _lay_out(folder: Path, picture: Picture, cut: int, tail: Tail) -> str:
    folder.mkdir(mode=0o700)
    path = folder / "register.db"
    for file, content in (
        (path, picture.database),
        (path.with_name("register.db-wal"), picture.log[:cut] + tail(picture.log[cut:])),
    ):
        file.write_bytes(content)
        file.chmod(0o600)
    return f"sqlite:///{path}"
