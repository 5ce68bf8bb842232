"""A swarm of trainers in one process: real trainers and real merges, no network; for benchmarks, tests and notebooks.

Trainers run in threads, one at a time: a thread that waits for others hands the turn on. Chance in torch belongs to
the process and not to a thread, so each thread takes its own state along; what a node draws does not depend on the
others. Contributions are packed and unpacked with the run's codec, so values are those of a real run, bit for bit.

`Alone` is a swarm of one whose contributions come back untouched: plain training.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import torch

from shoal_node.rounds.exchange import Contribution, Fit, Over, Start, Word
from shoal_swarm.merge import (
    Adapter,
    AdapterSpec,
    Codec,
    Pair,
    PairPiece,
    Piece,
    Plan,
    Value,
    combine,
    cut,
    join,
    narrowed,
    pack,
    piece_bytes,
    plan_pieces,
    unpack,
)

FIRST: Final = -1
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Measured:
    """Held-out metrics of one adapter in one trainer's hands."""

    round: int
    is_merged: bool
    metrics: Mapping[str, float]


class Alone:
    """The exchange of a node without a swarm."""

    def __init__(self, rounds: int, sync_every: int) -> None:
        self._rounds, self._sync_every = rounds, sync_every
        self._offered: Contribution | None = None
        self.measures: list[Measured] = []

    def join(self, fit: Fit, base: int) -> Start:
        """Go on from wherever the trainer is."""
        del fit
        return Start(base=base, steps=0, is_last=False, merged=None, start=None)

    def offer(self, contribution: Contribution) -> None:
        """Take it back."""
        self._offered = contribution

    def wait(self) -> Word:
        """Nobody adds anything."""
        assert self._offered is not None, "a trainer waits for what it has offered"
        return _following(self._offered.base + 1, self._offered.adapter, self._rounds, self._sync_every)

    def progress(self, base: int, step: int, steps: int, loss: float | None) -> None:
        """Nobody looks."""

    def measured(self, round_number: int, *, is_merged: bool, metrics: dict[str, float]) -> None:
        """Remember it."""
        self.measures.append(Measured(round_number, is_merged, metrics))

    def done(self) -> None:
        """Nobody waits."""


def _following(round_number: int, merged: Adapter, rounds: int, sync_every: int) -> Start | Over:
    if round_number == rounds:
        return Over(round=round_number, merged=merged, ledger=b"")
    return Start(base=round_number, steps=sync_every, is_last=round_number + 1 == rounds, merged=merged, start=merged)


def merged_adapter(
    plan: Plan, spec: AdapterSpec, base: Adapter | None, contributions: Mapping[str, Contribution]
) -> Adapter:
    """What a round makes of its contributions, as bytes on a wire would have it."""
    pieces = plan_pieces(spec)
    bases = cut(base, spec) if base is not None else [None] * len(pieces)
    values = {node: cut(one.adapter, spec) for node, one in contributions.items()}
    weights = {node: float(one.examples) for node, one in contributions.items()}
    return join(
        (
            _merged_piece(plan, piece, bases[index], {node: mine[index] for node, mine in values.items()}, weights)
            for index, piece in enumerate(pieces)
        ),
        spec,
    )


def _merged_piece(
    plan: Plan, piece: Piece, base: Value | None, values: Mapping[str, Value], weights: Mapping[str, float]
) -> Value:
    """Pairs travel whole; dense tensors as differences from the last COMMIT, unless the codec rounds nothing."""
    is_whole = isinstance(piece, PairPiece) or base is None or plan.codec is Codec.FP32
    travelling = values if is_whole else {node: _less(piece, value, base) for node, value in values.items()}
    decoded = {node: _travelled(plan, piece, value) for node, value in travelling.items()}
    if len(decoded) == 1 and is_whole:
        return next(iter(decoded.values()))
    merged = combine(plan, piece, decoded, weights).value
    return _travelled(plan, piece, merged if is_whole else _plus(piece, base, merged))


def _travelled(plan: Plan, piece: Piece, value: Value) -> Value:
    return unpack(piece, pack(piece, value, plan.codec), plan.codec)


def _less(piece: Piece, value: Value, base: Value | None) -> Value:
    assert not isinstance(value, Pair), f"{piece.name} is dense"
    assert base is not None, f"{piece.name} has a base"
    assert not isinstance(base, Pair), f"{piece.name} is dense"
    return narrowed(piece.name, value - base)


def _plus(piece: Piece, base: Value | None, change: Value) -> Value:
    assert not isinstance(change, Pair), f"{piece.name} is dense"
    assert base is not None, f"{piece.name} has a base"
    assert not isinstance(base, Pair), f"{piece.name} is dense"
    return narrowed(piece.name, base + change)


@dataclass(slots=True)
class Round:
    """One round of an in-process swarm, for whoever wants to look."""

    number: int
    adapter: Adapter
    bytes_per_node: int
    """What one node's contribution takes on the wire, encoded."""


@dataclass
class InProcess:
    """A swarm of so many trainers in this process."""

    plan: Plan
    rounds: int
    sync_every: int
    nodes: Sequence[str]
    committed: list[Round] = field(default_factory=list)
    measures: dict[str, list[Measured]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Set up the turn and the tables."""
        self._turn = threading.Lock()
        self._news = threading.Condition(self._turn)
        self._spec: AdapterSpec | None = None
        self._offered: dict[str, Contribution] = {}
        self._failed = False
        self.measures = {node: [] for node in self.nodes}

    def run(self, train: Callable[[str, "Member"], Outcome]) -> dict[str, Outcome]:
        """Have every node train; a failure of one is the failure of all."""
        outcomes: dict[str, Outcome] = {}
        problems: list[BaseException] = []

        def work(node: str) -> None:
            with self._turn:
                try:
                    outcomes[node] = train(node, Member(self, node))
                except BaseException as problem:  # noqa: BLE001 - carried to the caller's thread
                    problems.append(problem)
                    self._failed = True
                    self._news.notify_all()

        threads = [threading.Thread(target=work, args=(node,), name=node) for node in self.nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if problems:
            raise problems[0]
        return outcomes

    def agree(self, fit: Fit) -> None:
        """All must train the same."""
        self._spec = self._spec or fit.adapter
        assert self._spec == fit.adapter, "all trainers of a process come from one task"

    def take(self, node: str, contribution: Contribution) -> None:
        """A node's work; the last one merges."""
        self._offered[node] = contribution
        if self._offered.keys() != set(self.nodes):
            return
        assert self._spec is not None, "nobody offers before it has joined"
        offered, self._offered = self._offered, {}
        if contribution.base == FIRST:
            first = self.nodes[0]
            offered = {first: offered[first]}
        base = self.committed[-1].adapter if self.committed else None
        adapter = merged_adapter(self.plan, self._spec, base, offered)
        size = sum(piece_bytes(piece, self.plan.codec) for piece in plan_pieces(self._spec))
        self.committed.append(Round(contribution.base + 1, adapter, size))
        self._news.notify_all()

    def after(self, base: int) -> Word:
        """The round after `base`, as soon as it is there."""
        chance = torch.get_rng_state()
        self._news.wait_for(lambda: self._failed or len(self.committed) > base + 1)
        torch.set_rng_state(chance)
        if self._failed:
            raise RuntimeError("another trainer of this process has failed")
        found = self.committed[base + 1]
        return _following(found.number, found.adapter, self.rounds, self.sync_every)


@dataclass
class Member:
    """The exchange of one node of an in-process swarm."""

    swarm: InProcess
    node: str
    base: int = FIRST

    def join(self, fit: Fit, base: int) -> Start:
        """Begin at the beginning."""
        assert base == FIRST, "a swarm in one process is never resumed"
        self.swarm.agree(fit)
        return Start(base=FIRST, steps=0, is_last=False, merged=None, start=None)

    def offer(self, contribution: Contribution) -> None:
        """Hand it in."""
        self.base = contribution.base
        self.swarm.take(self.node, contribution)

    def wait(self) -> Word:
        """Let the others have their turn."""
        return self.swarm.after(self.base)

    def progress(self, base: int, step: int, steps: int, loss: float | None) -> None:
        """Nobody looks."""

    def measured(self, round_number: int, *, is_merged: bool, metrics: dict[str, float]) -> None:
        """Remember it."""
        self.swarm.measures[self.node].append(Measured(round_number, is_merged, metrics))

    def done(self) -> None:
        """Nobody waits."""
