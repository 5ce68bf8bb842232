"""Bugs in what a sentinel decides and in how it judges its members."""

from collections.abc import Callable
from typing import Any

import msgspec

from shoal_swarm.protocol.decisions import Decision
from shoal_swarm.protocol.membership import Leases
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.peer import holder, owner
from shoal_swarm.protocol.peer.effects import Effect
from shoal_swarm.protocol.peer.owner import Owner
from shoal_swarm.protocol.pieces import Share
from shoal_swarm.protocol.record import Phase
from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.protocol.sentinel import rounds
from shoal_swarm.protocol.sentinel.collected import Collected
from shoal_swarm.protocol.sentinel.effects import WriteRecord
from shoal_swarm.protocol.sentinel.events import WriteWon
from shoal_swarm.protocol.sentinel.run import SentinelRun
from shoal_swarm.protocol.signed import SignedResult
from tests.simulation.planted.planting import Patch, break_row
from tests.simulation.register import Register


def own_contributor_sets(patch: Patch) -> None:
    """Every owner merges what it happens to have, not what the cut says."""

    def merge(part: Owner, now: float) -> list[Effect] | None:
        record = part.knowledge.record
        if record is None or record.phase is not Phase.CUT:
            return None
        mine = {root: node for root, node in part.inputs.items() if part.is_complete(root)}
        if not mine:
            return owner.merge(part, now)
        weights = {member.root: member.weight for member in record.cut}
        members = tuple(
            msgspec.structs.replace(record.cut[0], node=node, root=root, weight=weights.get(root, 0.5))
            for root, node in mine.items()
        )
        part.knowledge.record = msgspec.structs.replace(record, cut=members)
        effects = owner.merge(part, now)
        part.knowledge.record = record
        return effects

    break_row(patch, "OWNER", owner.OWNER, owner.merge, merge)


def commit_with_one_holder(patch: Patch) -> None:
    """COMMIT is written as soon as one disk has each result."""
    honest = Collected.committable

    def committable(self: Collected, share: Share, _copies: int) -> tuple[SignedResult, tuple[NodeName, ...]] | None:
        return honest(self, share, 1)

    patch.setattr(Collected, "committable", committable)


def forgotten_compare_and_set(patch: Patch) -> None:
    """The register writes without looking at the version."""

    def write(self: Register, effect: WriteRecord, answer: Callable[..., None]) -> None:
        self.commit(effect)
        self._answer(answer, WriteWon(effect.record.head))

    patch.setattr(Register, "_write", write)


def judge_right_after_start(patch: Patch) -> None:
    """A sentinel that has just started calls everybody gone whom it has not heard yet."""
    patch.setattr(Leases, "is_judging", lambda _self, _now: True)


def condemn_after_sleep(patch: Patch) -> None:
    """A sentinel that slept calls everybody gone whom it could not hear."""
    patch.setattr(Leases, "slept_s", lambda _self, _now: 0.0)


def believe_the_dead(patch: Patch) -> None:
    """What a process had still counts after a newer process has taken over, whose disk may be empty."""
    patch.setattr(Collected, "forget", lambda _self, _node: None)


def cut_below_quorum(patch: Patch) -> None:
    """A cut is made with whoever is there."""
    patch.setattr(RunRules, "quorum", lambda _self, _round: 1)


def many_first_adapters(patch: Patch) -> None:
    """In round zero everybody contributes an adapter."""
    honest = rounds._opened

    def opened(run: SentinelRun, ready: list[NodeName], **facts: Any) -> Decision:  # noqa: ANN401 - passed through
        decision = honest(run, ready, **facts)
        return msgspec.structs.replace(decision, expected=tuple(ready))

    patch.setattr(rounds, "_opened", opened)


def same_owners_again(patch: Patch) -> None:
    """Another attempt asks the same owners that held up the last one."""
    patch.setattr(Collected, "laggards", lambda _self, _expected, _shares, _quorum: set())
    patch.setattr(Collected, "unheld", lambda _self, _shares, _copies: set())
    patch.setattr("shoal_swarm.protocol.sentinel.rounds.TOGETHER_ATTEMPTS", 1_000_000)


def starve_the_slow(patch: Patch) -> None:
    """Every node takes the agreed number of steps, however often it is overtaken."""
    patch.setattr(holder, "steps_after", lambda steps, _rules, *, was_ready: steps)  # noqa: ARG005 - as it is called
