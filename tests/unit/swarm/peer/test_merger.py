"""Promise: what was merged ahead is taken where the order is just that work, and the bytes are the same in any case."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shoal_swarm.merge import Plan, plan_pieces
from shoal_swarm.peer.contributing import Assignment, BytesMissing
from shoal_swarm.peer.merger import Merger
from shoal_swarm.peer.places import Places
from shoal_swarm.peer.spool import Spool
from shoal_swarm.peer.storage import Storage, open_storage
from shoal_swarm.peer.synthetic import Synthetic, synthetic_spec
from shoal_swarm.protocol.digests import list_root
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO, Digest, NodeName, RunId
from shoal_swarm.protocol.peer.effects import MergeInput, MergeShare

FIRST, COUNT = 2, 4
NODES = ("ana", "ben", "cleo")


class Counting(ThreadPoolExecutor):
    """Threads that count what they are asked to do."""

    asked = 0

    def submit(self, work: Callable[..., Any], /, *facts: object, **named: object) -> Future[Any]:
        self.asked += 1
        return super().submit(work, *facts, **named)


class Bench:
    """Pieces that lie in a spool."""

    def __init__(self, folder: Path, threads: Counting, storage: Storage[bytes]) -> None:
        self.threads = threads
        self.spool = Spool(folder / "spool", 0)
        self.makers = {name: Synthetic("run", name, Plan(), plan_pieces(synthetic_spec(60_000))) for name in NODES}
        places = Places(storage, self.spool, disk=threads, work=threads, merging=threads)
        self.merger = Merger(self.makers["ana"], places)
        self.base = self._spooled("ana", Assignment(base=BEFORE_ROUND_ZERO, pieces=(), steps=0))
        assignment = Assignment(base=0, pieces=self.base, steps=1)
        self.pieces = {name: self._spooled(name, assignment) for name in NODES}

    def order(self, *, weights: Sequence[float] = (0.2, 0.3, 0.5)) -> MergeShare:
        """A share in the middle of the adapter."""
        inputs = tuple(
            MergeInput(NodeName(name), pieces[0], weight, pieces[FIRST : FIRST + COUNT])
            for (name, pieces), weight in zip(self.pieces.items(), weights, strict=True)
        )
        return MergeShare(round=1, attempt=0, first=FIRST, base=self.base[FIRST : FIRST + COUNT], inputs=inputs)

    def _spooled(self, name: str, order: Assignment) -> tuple[Digest, ...]:
        return tuple(self.spool.put(one) for one in self.makers[name].contribution(order, self.merger._places.read))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with (
        Counting(2) as threads,
        closing(open_storage(tmp_path / "kept", run=RunId("run"), node=NodeName("ana"))) as storage,
    ):
        yield Bench(tmp_path, threads, storage)


async def test_what_was_merged_ahead_is_not_merged_again(bench: Bench) -> None:
    bench.merger.ahead(bench.order(), (0, 3))
    assert bench.threads.asked == 2
    ahead = await bench.merger.merged(bench.order())
    assert bench.threads.asked == COUNT + 1, "the pieces, and their list to be laid down"
    assert bench.spool.has(list_root(ahead))
    assert await bench.merger.merged(bench.order()) == ahead
    assert bench.threads.asked == 2 * (COUNT + 1)


async def test_who_says_the_inputs_in_another_order_means_the_same_merge(bench: Bench) -> None:
    bench.merger.ahead(msgspec.structs.replace(bench.order(), inputs=bench.order().inputs[::-1]), range(COUNT))
    await bench.merger.merged(bench.order())
    assert bench.threads.asked == COUNT + 1


async def test_other_weights_are_another_merge(bench: Bench) -> None:
    straight = await bench.merger.merged(bench.order(weights=(0.5, 0.3, 0.2)))
    bench.merger.ahead(bench.order(), range(COUNT))
    assert await bench.merger.merged(bench.order(weights=(0.5, 0.3, 0.2))) == straight
    assert await bench.merger.merged(bench.order()) != straight


async def test_what_failed_ahead_is_tried_again_and_then_said(bench: Bench) -> None:
    lost = bench.order().inputs[1].pieces[0]
    content = bench.spool.read(lost)
    assert content is not None
    bench.spool.drop([lost])
    bench.merger.ahead(bench.order(), (0,))
    with pytest.raises(BytesMissing):
        await bench.merger.merged(bench.order())
    bench.merger.ahead(bench.order(), (0,))
    bench.threads.submit(lambda: None).result()
    bench.spool.put(content)
    assert len(await bench.merger.merged(bench.order())) == COUNT
