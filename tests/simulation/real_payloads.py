"""Real bytes for the simulated swarm: pairs merged exactly, dense tensors by their differences, int8 on the wire."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from shoal_swarm.merge import AdapterSpec, DenseSpec, ModuleSpec, Pair, Plan, Value, combine, pack, plan_pieces, unpack
from shoal_swarm.protocol.digests import digest_of
from tests.simulation.payloads import Blob

SPEC = AdapterSpec.of(
    modules=[
        ModuleSpec(name="layer.0.query", rows=24, columns=16, rank=4),
        ModuleSpec(name="layer.0.value", rows=24, columns=16, rank=4),
        ModuleSpec(name="layer.1.query", rows=16, columns=40, rank=2),
    ],
    dense=[DenseSpec(name="head.weight", shape=(5, 24))],
)
PIECES = plan_pieces(SPEC)
PLAN = Plan()


class Real:
    """Adapters as a node would send them: absolute canonical pairs, differences of dense tensors."""

    def first(self, unit: int) -> list[Blob]:
        return [_blob(index, _change(index, unit, 1.0)) for index in range(len(PIECES))]

    def trained(self, base: Sequence[Blob], units: Sequence[int]) -> list[Blob]:
        blobs: list[Blob] = []
        for index, blob in enumerate(base):
            changes = [_change(index, unit, 0.1) for unit in units]
            old = _value(index, blob)
            new: Value
            if isinstance(old, Pair):
                pairs = [change for change in changes if isinstance(change, Pair)]
                b = old.b + sum(pair.b for pair in pairs)
                new = Pair(b.astype(np.float32), (old.a + sum(pair.a for pair in pairs)).astype(np.float32))
            else:
                arrays = [change for change in changes if not isinstance(change, Pair)]
                new = np.sum(arrays, axis=0).astype(np.float32)
            blobs.append(_blob(index, new))
        return blobs

    def merged(self, first: int, base: Sequence[Blob], inputs: Sequence[tuple[float, Sequence[Blob]]]) -> list[Blob]:
        blobs: list[Blob] = []
        for offset in range(len(inputs[0][1])):
            index = first + offset
            values = {str(place): _value(index, blobs[offset]) for place, (_, blobs) in enumerate(inputs)}
            weights = {str(place): weight for place, (weight, _) in enumerate(inputs)}
            value = combine(PLAN, PIECES[index], values, weights).value
            if base and not isinstance(value, Pair):
                old = _value(index, base[offset])
                assert not isinstance(old, Pair)
                value = (old + value).astype(np.float32)
            is_unchanged = len(inputs) == 1 and (isinstance(value, Pair) or not base)
            blobs.append(inputs[0][1][offset] if is_unchanged else _blob(index, value))
        return blobs

    def work_in(self, pieces: Sequence[Blob]) -> list[Counter[int]] | None:  # noqa: ARG002 - the interface
        return None


def _change(index: int, unit: int, size: float) -> Value:
    rng = np.random.default_rng((index, unit))
    blank = _zeros(index)
    if isinstance(blank, Pair):
        b, a = rng.normal(size=blank.b.shape), rng.normal(size=blank.a.shape)
        return Pair((size * b).astype(np.float32), (size * a).astype(np.float32))
    return (size * rng.normal(size=blank.shape)).astype(np.float32)


def _zeros(index: int) -> Value:
    if index < len(SPEC.modules):
        module = SPEC.modules[index]
        return Pair(
            np.zeros((module.rows, module.rank), np.float32), np.zeros((module.rank, module.columns), np.float32)
        )
    return np.zeros(PIECES[index].values, np.float32)


def _value(index: int, blob: Blob) -> Value:
    assert isinstance(blob.content, bytes)
    return unpack(PIECES[index], blob.content, PLAN.codec)


def _blob(index: int, value: Value) -> Blob:
    payload = pack(PIECES[index], value, PLAN.codec)
    return Blob(digest_of(payload), payload)
