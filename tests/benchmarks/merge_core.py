"""How long an owner is busy with a piece, and how fast values become bytes: one core, no network.

    python -m tests.benchmarks.merge_core [--quick] [--json FILE]

Exact merges stand beside what they replace (writing the sum out and decomposing that), beside the mean of the
factors, which is cheaper and another thing, and beside the same algorithm on `numpy.linalg.qr`. Codecs stand beside
a copy in memory. Linear algebra is kept to one thread by threadpoolctl; what is not linear algebra has one anyway.

Why the codecs are numpy: a gigabyte of float32 in a second, which a core does, is two gigabits of int8 in a second.
Links between institutions are slower than that, so a compiled library would not make a round shorter.
"""

import tracemalloc
from collections.abc import Callable
from unittest import mock

import numpy as np
import numpy.typing as npt
from click import echo
from threadpoolctl import threadpool_limits

from shoal_swarm.merge import Codec, Pair, exact_merge
from shoal_swarm.merge.codec import decode, encode
from shoal_swarm.merge.means import array_mean, factor_mean
from shoal_swarm.merge.reflections import Reflections
from tests.benchmarks.bench import Bench, Table

Floats = npt.NDArray[np.float32]

SHAPES = [(2048, 2048, 16, 8), (2048, 8192, 16, 8), (4096, 4096, 16, 16), (2048, 2048, 16, 64)]
SHAPES_QUICK = SHAPES[:2]
DENSE_SVD_ROWS_MAX = 2048
"""Beyond this a dense decomposition takes minutes."""


class _NumpyQr(Reflections):
    """What `Reflections` does, by `numpy.linalg.qr`."""

    @staticmethod
    def of(matrix: npt.NDArray[np.float64]) -> "Reflections":
        """Factor and write Q out."""
        q, r = np.linalg.qr(matrix)
        return mock.Mock(rows=len(matrix), triangle=r, apply=lambda coordinates: q @ coordinates)


def _pairs(rows: int, columns: int, rank: int, nodes: int) -> list[Pair]:
    """Contributions as they come: everybody's own step away from one common pair."""
    rng = np.random.default_rng(0)
    b, a = rng.standard_normal((rows, rank), dtype=np.float32), rng.standard_normal((rank, columns), dtype=np.float32)
    steps = (np.float32(0.2) * rng.standard_normal(b.shape, dtype=np.float32) for _ in range(nodes))
    turns = (np.float32(0.2) * rng.standard_normal(a.shape, dtype=np.float32) for _ in range(nodes))
    return [Pair(b + step, a + turn) for step, turn in zip(steps, turns, strict=True)]


def _dense_svd(pairs: list[Pair], rank: int) -> Pair:
    """The same result by writing the sum out, in float32."""
    total = np.zeros((len(pairs[0].b), pairs[0].a.shape[1]), np.float32)
    for pair in pairs:
        total += pair.b @ pair.a / np.float32(len(pairs))
    u, strengths, vt = np.linalg.svd(total, full_matrices=False)
    root = np.sqrt(strengths[:rank])
    return Pair(u[:, :rank] * root, root[:, np.newaxis] * vt[:rank])


def _with_numpy_qr(pairs: list[Pair], weights: list[float], rank: int) -> None:
    with mock.patch("shoal_swarm.merge.exact.Reflections", _NumpyQr):
        exact_merge(pairs, weights, rank)


def _peak_mib(call: Callable[[], object]) -> float:
    tracemalloc.start()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def measure_merges(bench: Bench) -> None:
    """Exact merges at the shapes of real modules."""
    for rows, columns, rank, nodes in SHAPES_QUICK if bench.quick else SHAPES:
        pairs, weights = _pairs(rows, columns, rank, nodes), [1 / nodes] * nodes
        name = f"{rows} by {columns}, rank {rank}, {nodes} nodes"
        table = bench.table(name, baseline="exact", unit="ms", of=lambda s: s * 1e3, clock="core")
        variants: dict[str, Callable[[], object]] = {
            "exact": lambda pairs=pairs, weights=weights, rank=rank: exact_merge(pairs, weights, rank),
            "exact, numpy.linalg.qr": lambda p=pairs, w=weights, r=rank: _with_numpy_qr(p, w, r),
            "factor mean": lambda pairs=pairs, weights=weights: factor_mean(pairs, weights),
        }
        table.measure(variants)
        bench.figure("peak memory of the exact merge", _peak_mib(variants["exact"]), "MiB")
        bench.figure("the sum written out in float64", rows * columns * 8 / 2**20, "MiB")
        if (rows, columns, nodes) == (2048, 2048, 8):
            bench.goal(f"exact, {name}, ms", table["exact"], "<=", 60.0)


def measure_dense(bench: Bench) -> None:
    """What an exact merge saves; at a quarter of the size where time is short."""
    size = 512 if bench.quick else DENSE_SVD_ROWS_MAX
    pairs, weights = _pairs(size, size, 16, 8), [1 / 8] * 8
    table = bench.table(
        f"{size} by {size}, rank 16, 8 nodes", baseline="exact", unit="ms", of=lambda s: s * 1e3, clock="core"
    )
    table.measure({"exact": lambda: exact_merge(pairs, weights, 16), "dense SVD": lambda: _dense_svd(pairs, 16)})
    exact, dense = exact_merge(pairs, weights, 16)[0].product(), _dense_svd(pairs, 16).product()
    bench.figure(
        "largest difference of the two", float(np.abs(exact - dense).max() / np.abs(exact).max()), "of the largest"
    )


def measure_codecs(bench: Bench) -> None:
    """Gigabytes of float32 per second and core, both ways, at the size of a stretch."""
    values = np.random.default_rng(0).standard_normal(1 << 20, dtype=np.float32)
    encoded = {codec: encode(codec, values) for codec in Codec}

    def speed(title: str) -> Table:
        return bench.table(title, baseline="copy", unit="GB/s", of=lambda s: values.nbytes / 1e9 / s, clock="core")

    writing = speed("encode 4 MiB of float32")
    writing.measure({"copy": values.tobytes} | {codec: lambda c=codec: encode(c, values) for codec in Codec})
    reading = speed("decode to 4 MiB of float32")
    reading.measure(
        {"copy": values.copy} | {codec: lambda c=codec: decode(c, encoded[c], values.size) for codec in Codec}
    )
    for codec in Codec:
        bench.goal(f"encode {codec}, GB/s", writing[codec], ">=", 0.5)
        bench.goal(f"decode {codec}, GB/s", reading[codec], ">=", 0.5)
    stretches = [values.copy() for _ in range(8)]
    mean = bench.table("mean of 8 stretches of 4 MiB", baseline="copy", unit="ms", of=lambda s: s * 1e3, clock="core")
    mean.measure({"copy": values.copy, "mean": lambda: array_mean(stretches, [1 / 8] * 8)})


def _adam_like(rng: np.random.Generator) -> Floats:
    """Where sixteen steps of Adam lead, with gradients of twice as much signal as noise."""
    signal = 2 * rng.standard_normal(1 << 15)
    mean, square, values = np.zeros((3, 1 << 15))
    for step in range(1, 17):
        gradient = signal + rng.standard_normal(1 << 15)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        values -= 1e-3 * (mean / (1 - 0.9**step)) / np.sqrt(square / (1 - 0.999**step))
    return values.astype(np.float32)


DATA: dict[str, tuple[Callable[[np.random.Generator], Floats], float]] = {
    "gaussian": (lambda rng: rng.standard_normal(1 << 15, dtype=np.float32), 0.60),
    "student-t3": (lambda rng: rng.standard_t(3, 1 << 15).astype(np.float32), 1.08),
    "adam-like": (_adam_like, 0.33),
}


def _ideal(values: Floats) -> Floats:
    """Blocks of 64 with steps that are not rounded: the best that int8 could do."""
    blocks = values.reshape(-1, 64).astype(np.float64)
    steps = np.abs(blocks).max(axis=1, keepdims=True) / 127
    return (np.rint(blocks / steps) * steps).reshape(-1)


def measure_errors(bench: Bench) -> None:
    """What int8 loses of a factor of 2048 by 16, relative, in percent: the median of 31 of them."""
    echo("\nwhat int8 loses of 2048 by 16 values")
    for name, (make, goal) in DATA.items():
        ours, best = [], []
        for seed in range(31):
            values = make(np.random.default_rng(seed))
            size = float(np.linalg.norm(values))
            decoded = decode(Codec.INT8, encode(Codec.INT8, values), values.size)
            ours.append(100 * float(np.linalg.norm(decoded - values)) / size)
            best.append(100 * float(np.linalg.norm(_ideal(values) - values)) / size)
        bench.figure(f"{name}, int8", float(np.median(ours)), "%")
        bench.figure(f"{name}, with steps that are not rounded", float(np.median(best)), "%")
        bench.goal(f"int8 loses of {name}, %", round(float(np.median(ours)), 2), "<=", goal)


def main() -> None:
    """Measure everything on one core."""
    bench = Bench.from_command_line("The merge on one core")
    with threadpool_limits(limits=1):
        measure_merges(bench)
        measure_dense(bench)
        measure_codecs(bench)
    measure_errors(bench)
    bench.finish()


if __name__ == "__main__":
    main()
