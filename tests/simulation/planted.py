"""Protocol bugs, planted on purpose: each breaks one guard, and the simulated world must notice.

A simulator that can't see a bug proves nothing by staying silent. Every bug here was made, or is easily
made, in systems of this kind. They patch the machines from outside; the product has no switch for them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

import msgspec

from shoal_swarm.protocol import folding
from shoal_swarm.protocol.decisions import Contributor as CutContributor
from shoal_swarm.protocol.decisions import Decision
from shoal_swarm.protocol.folding import Books
from shoal_swarm.protocol.membership import Leases
from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.peer import contributor, holder, knowledge, owner
from shoal_swarm.protocol.peer.contributor import Contributor
from shoal_swarm.protocol.peer.effects import Effect, KeepBlobs
from shoal_swarm.protocol.peer.events import Offered
from shoal_swarm.protocol.peer.holder import Holder
from shoal_swarm.protocol.peer.knowledge import Commit, Knowledge
from shoal_swarm.protocol.peer.owner import Owner
from shoal_swarm.protocol.peer.run import PeerRun
from shoal_swarm.protocol.pieces import Share
from shoal_swarm.protocol.record import Phase
from shoal_swarm.protocol.round_messages import Published
from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.protocol.sentinel import rounds
from shoal_swarm.protocol.sentinel.collected import Collected
from shoal_swarm.protocol.sentinel.effects import WriteRecord
from shoal_swarm.protocol.sentinel.events import WriteWon
from shoal_swarm.protocol.sentinel.run import SentinelRun
from shoal_swarm.protocol.signed import SignedResult
from shoal_swarm.protocol.table import Row, Table
from tests.simulation.register import Register
from tests.simulation.seeds import Plan, plan_of


class Patch(Protocol):
    """pytest's monkeypatch, as far as it is needed here."""

    def setattr(self, target: Any, name: Any, value: Any = ...) -> None:  # noqa: ANN401 - as pytest has it
        """Replace an attribute until the end of the test."""


Plant = Callable[[Patch], None]


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug, and how many seeds may pass before it is noticed."""

    plant: Plant
    seeds_max: int
    promises: str | tuple[str, ...]
    """The invariants that it breaks; the first of them that is seen."""
    nemesis: str | None = None
    """The targeted fault that is needed to see it within reason; not much else goes wrong then."""
    nodes: int | None = None
    """The size of swarm in which it shows."""
    is_slow: bool = False
    """Whether looking for it takes so long that only the full suite does."""
    world: Literal["trouble", "patience", "core"] = "trouble"
    """Which kind of history shows it: all faults, only sentinels failing, or only a core that is well."""


def _with_row(table: Table[Any, Any], step: Callable[..., Any], new: Callable[..., Any]) -> Table[Any, Any]:
    rows = [Row(row.source, row.target, row.when, new if row.step is step else row.step) for row in table.rows]
    assert any(row.step is step for row in table.rows), "the row to break is in the table"
    return Table(table.title, table.start, rows)


def _break(patch: Patch, name: str, table: Table[Any, Any], step: Callable[..., Any], new: Callable[..., Any]) -> None:
    patch.setattr(f"shoal_swarm.protocol.peer.run.{name}", _with_row(table, step, new))


def clear_on_send(patch: Patch) -> None:
    """A node forgets its contribution as soon as it has sent it."""

    def announce(part: Contributor, now: float) -> list[Effect] | None:
        effects = contributor.announce(part, now)
        if effects:
            frozen = part.knowledge.books.frozen
            part.knowledge.settled.add(frozen.root if frozen is not None else Digest(b""))
        return effects

    _break(patch, "CONTRIBUTOR", contributor.CONTRIBUTOR, contributor.announce, announce)


def apply_on_result(patch: Patch) -> None:
    """A node applies results when it has them, without waiting for COMMIT."""

    def write_applied(part: Holder, now: float) -> list[Effect] | None:
        facts, record = part.knowledge, part.knowledge.record
        effects = holder.write_applied(part, now)
        if effects is not None or record is None or record.phase is not Phase.CUT or facts.writing is not None:
            return effects
        have_all = {owner_name for owner_name, _ in part.results} == {share.owner for share in record.shares}
        if not have_all or part.key != record.attempt_key() or record.round <= facts.books.applied:
            return None
        return facts.write(folding.apply(facts.books, record.round, record.chain, facts.settled), "applied")

    _break(patch, "HOLDER", holder.HOLDER, holder.write_applied, write_applied)


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

    _break(patch, "OWNER", owner.OWNER, owner.merge, merge)


def commit_with_one_holder(patch: Patch) -> None:
    """COMMIT is written as soon as one disk has each result."""
    honest = Collected.committable

    def committable(self: Collected, share: Share, _copies: int) -> tuple[SignedResult, tuple[NodeName, ...]] | None:
        return honest(self, share, 1)

    patch.setattr(Collected, "committable", committable)


def inclusion_by_name(patch: Patch) -> None:
    """A node takes its contribution for committed because its name is in the cut."""

    def apply(books: Books, round_index: int, chain: Digest, settled: Collection[Digest]) -> Books:
        frozen = books.frozen
        named = frozen is not None and any(isinstance(one, str) for one in settled)
        roots = (*settled, frozen.root) if named and frozen is not None else settled
        return folding.apply(books, round_index, chain, roots)

    def roots_settled(contributors: Sequence[CutContributor], node: NodeName) -> tuple[Any, ...]:
        names = tuple(str(one.signed.manifest.node) for one in contributors if one.signed.manifest.node == node)
        return (*folding.roots_settled(contributors, node), *names)

    def append(self: Knowledge, entry: Any) -> None:  # noqa: ANN401 - passed through
        self.settled -= {one for one in self.settled if isinstance(one, str)}
        honest(self, entry)

    honest = Knowledge._append
    patch.setattr(holder, "apply", apply)
    patch.setattr(knowledge, "roots_settled", roots_settled)
    patch.setattr(Knowledge, "_append", append)


def forgotten_compare_and_set(patch: Patch) -> None:
    """The register writes without looking at the version."""

    def write(self: Register, effect: WriteRecord, answer: Callable[..., None]) -> None:
        self.commit(effect)
        self._answer(answer, WriteWon(effect.record.head))

    patch.setattr(Register, "_write", write)


def announce_before_durable(patch: Patch) -> None:
    """A contribution is announced while its books are still on their way to the disk."""

    def journal(part: Contributor, now: float) -> list[Effect] | None:
        effects = contributor.journal(part, now)
        if effects is None or part.knowledge.writing is None:
            return effects
        honest_books, part.knowledge.books, part.state = (
            part.knowledge.books,
            part.knowledge.writing,
            contributor.FROZEN,
        )
        sent = part._announce()
        part.knowledge.books, part.state = honest_books, contributor.KEEPING
        return effects + sent

    _break(patch, "CONTRIBUTOR", contributor.CONTRIBUTOR, contributor.journal, journal)


def held_before_durable(patch: Patch) -> None:
    """HELD is said when bytes arrive, not when they are synced."""
    honest = PeerRun._fetched

    def fetched(self: PeerRun, event: Any) -> list[Effect]:  # noqa: ANN401 - passed through
        effects = honest(self, event)
        kept = [digest for effect in effects if isinstance(effect, KeepBlobs) for digest in effect.digests]
        self.knowledge.kept.update(kept)
        return [*self.holder.say(), *effects]

    patch.setattr(PeerRun, "_fetched", fetched)


def state_that_most_have(patch: Patch) -> None:
    """A node that is behind takes whatever results went round for that round, committed or not."""
    honest, honest_published = Holder.is_complete, Holder.published

    def published(self: Holder, message: Published) -> None:
        seen = dict(self.results)
        honest_published(self, message)
        self.results |= seen

    def is_complete(self: Holder, commit: Commit) -> bool:
        shares = {result.node for result, _ in commit.results}
        results = [result for result in self.results.values() if result.round == commit.round]
        mine = {result.node for result in results if self._is_kept(result)}
        return shares <= mine or honest(self, commit)

    patch.setattr(Holder, "published", published)
    patch.setattr(Holder, "is_complete", is_complete)


def fold_twice(patch: Patch) -> None:
    """Late work stays in the books after it was folded into a newer contribution."""

    def freeze(books: Books, root: Digest, pieces: tuple[Digest, ...], examples: int) -> Books:
        return msgspec.structs.replace(folding.freeze(books, root, pieces, examples), carried=books.carried)

    def apply(books: Books, round_index: int, chain: Digest, settled: Collection[Digest]) -> Books:
        after = folding.apply(books, round_index, chain, ())
        frozen = books.frozen.root if books.frozen is not None else None
        return msgspec.structs.replace(
            after, carried=tuple(kept for kept in after.carried if kept.root != frozen or kept.root not in settled)
        )

    patch.setattr(contributor, "freeze", freeze)
    patch.setattr(holder, "apply", apply)


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


def weigh_at_the_owner(patch: Patch) -> None:
    """Each owner weighs contributions as it likes."""
    honest = Owner._input

    def as_it_likes(self: Owner, node: NodeName, root: Digest, _weight: float) -> Any:  # noqa: ANN401 - passed through
        return honest(self, node, root, 0.25 if node == self.knowledge.node else 0.75)

    patch.setattr(Owner, "_input", as_it_likes)


def stale_base(patch: Patch) -> None:
    """An adapter counts as a contribution whatever it was trained from."""

    def offered(self: Contributor, offer: Offered) -> None:
        self.offer = offer

    def rebase(part: Contributor, _now: float) -> list[Effect] | None:
        if part.base == part.knowledge.books.applied:
            return None
        part.base, part._signed = part.knowledge.books.applied, None
        return []

    patch.setattr(Contributor, "offered", offered)
    _break(patch, "CONTRIBUTOR", contributor.CONTRIBUTOR, contributor.rebase, rebase)


def drop_own_work(patch: Patch) -> None:
    """Cleaning up throws away contributions that are not committed yet."""

    def blobs_needed(self: Knowledge) -> set[Digest]:
        books, self.books = self.books, Books(applied=self.books.applied)
        needed = honest(self)
        self.books = books
        return needed

    honest = Knowledge.blobs_needed
    patch.setattr(Knowledge, "blobs_needed", blobs_needed)


def drop_the_newest(patch: Patch) -> None:
    """Cleaning up keeps the round before the newest, and not the newest."""

    def blobs_needed(self: Knowledge) -> set[Digest]:
        newest = self.newest
        pieces = () if newest is None else self.pieces_of_commit(newest) or ()
        return honest(self) - set(pieces)

    honest = Knowledge.blobs_needed
    patch.setattr(Knowledge, "blobs_needed", blobs_needed)


def drop_what_is_held(patch: Patch) -> None:
    """Cleaning up after an older COMMIT throws away results of the round under way, which HELD was said about."""
    patch.setattr(Knowledge, "pin", lambda _self, _key, _digests: None)


def same_owners_again(patch: Patch) -> None:
    """Another attempt asks the same owners that held up the last one."""
    patch.setattr(Collected, "laggards", lambda _self, _expected, _shares, _quorum: set())
    patch.setattr(Collected, "unheld", lambda _self, _shares, _copies: set())
    patch.setattr("shoal_swarm.protocol.sentinel.rounds.TOGETHER_ATTEMPTS", 1_000_000)


def starve_the_slow(patch: Patch) -> None:
    """Every node takes the agreed number of steps, however often it is overtaken."""
    patch.setattr(holder, "steps_after", lambda steps, _rules, *, was_ready: steps)  # noqa: ARG005 - as it is called


def say_it_once(patch: Patch) -> None:
    """What was said once is not said again, although the network loses messages."""
    patch.setattr(Contributor, "say", lambda _self, _now: [])


def trust_any_bytes(patch: Patch) -> None:
    """What a node sends is taken for what was asked of it."""
    honest = PeerRun._fetched

    def fetched(self: PeerRun, event: Any) -> list[Effect]:  # noqa: ANN401 - passed through
        asked = tuple(digest for digest, (node, _) in self._downloads._asked.items() if node == event.holder)
        return honest(self, msgspec.structs.replace(event, digests=(asked + event.digests)[: len(event.digests)]))

    patch.setattr(PeerRun, "_fetched", fetched)


def forget_the_last_attempt(patch: Patch) -> None:
    """An owner answers a new attempt with what it merged for the one before."""

    def over(part: Owner, now: float) -> list[Effect] | None:
        merged, share = part.merged, part.share
        effects = owner.over(part, now)
        if effects is not None and merged and part.knowledge.is_in(Phase.OPEN):
            part.merged, part.share = merged, share
        return effects

    def merge(part: Owner, now: float) -> list[Effect] | None:
        fits = part.share is not None and len(part.merged) == part.share.count
        if fits and part.merged and part.knowledge.is_in(Phase.CUT):
            return []
        return owner.merge(part, now)

    table = _with_row(_with_row(owner.OWNER, owner.over, over), owner.merge, merge)
    patch.setattr("shoal_swarm.protocol.peer.run.OWNER", table)


def plan_for(bug: Planted, seed: int) -> Plan:
    """What a seed stands for while this bug is looked for."""
    plan = plan_of(seed)
    if bug.nemesis is None:
        return plan
    nodes = bug.nodes or plan.shape.nodes
    shape = replace(plan.shape, nodes=nodes, min_nodes=max(1, nodes - 1), copies=2, owners_max=1, long_lists=False)
    return replace(plan, shape=shape, nemeses=[bug.nemesis], kinds=["storm"], every_s=30.0, boundary_crashes=0.0)


PLANTED: Final[Mapping[str, Planted]] = {
    "clear on send": Planted(clear_on_send, 10, "I5"),
    "apply on result": Planted(apply_on_result, 10, "I1"),
    "own contributor sets": Planted(own_contributor_sets, 60, "I3"),
    "commit with one holder": Planted(commit_with_one_holder, 60, "I4"),
    "inclusion by name": Planted(inclusion_by_name, 60, "I5", nemesis="wipe a contributor that owners have"),
    "forgotten compare-and-set": Planted(forgotten_compare_and_set, 30, "I1"),
    "announce before durable": Planted(announce_before_durable, 10, "I5"),
    "held before durable": Planted(held_before_durable, 10, "I5"),
    "state that most have": Planted(state_that_most_have, 100, "I1"),
    "fold twice": Planted(fold_twice, 60, "I2"),
    "judge right after start": Planted(judge_right_after_start, 40, "I6", world="patience"),
    "condemn after sleep": Planted(condemn_after_sleep, 20, "I6", world="patience"),
    "believe the dead": Planted(believe_the_dead, 200, ("I4", "I6"), nemesis="make a ghost of a holder", nodes=2),
    "cut below quorum": Planted(cut_below_quorum, 60, "I3"),
    "many first adapters": Planted(many_first_adapters, 10, "I3"),
    "weigh at the owner": Planted(weigh_at_the_owner, 10, "I3"),
    "stale base": Planted(stale_base, 60, "I2"),
    "drop own work": Planted(drop_own_work, 60, "I5"),
    "drop the newest": Planted(drop_the_newest, 10, "I5"),
    "drop what is held": Planted(drop_what_is_held, 200, ("I4", "I5"), "make a ghost of a holder", 2),
    "same owners again": Planted(same_owners_again, 60, "I6", world="core"),
    "starve the slow": Planted(starve_the_slow, 300, "I6", is_slow=True),
    "say it once": Planted(say_it_once, 60, "I6"),
    "trust any bytes": Planted(trust_any_bytes, 60, "I5"),
    "forget the last attempt": Planted(forget_the_last_attempt, 100, "I3"),
}
"""Every planted bug by its name."""
