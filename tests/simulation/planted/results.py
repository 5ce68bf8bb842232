"""Bugs in merging, and in getting and keeping what was merged."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from shoal_swarm.protocol import folding
from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.peer import holder, owner
from shoal_swarm.protocol.peer.effects import Effect, KeepBlobs, MergeAhead
from shoal_swarm.protocol.peer.foresight import Foresight
from shoal_swarm.protocol.peer.holder import Holder
from shoal_swarm.protocol.peer.knowledge import Commit, Knowledge
from shoal_swarm.protocol.peer.owner import Owner
from shoal_swarm.protocol.peer.run import PeerRun
from shoal_swarm.protocol.peer.scrutiny import Scrutiny
from shoal_swarm.protocol.record import Phase
from shoal_swarm.protocol.round_messages import Published
from tests.simulation.planted.planting import Patch, break_row, with_row


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

    break_row(patch, "HOLDER", holder.HOLDER, holder.write_applied, write_applied)


def held_before_durable(patch: Patch) -> None:
    """HELD is said when bytes arrive, not when they are synced."""
    honest = PeerRun._fetched

    def fetched(self: PeerRun, event: Any, now: float) -> list[Effect]:  # noqa: ANN401 - passed through
        effects = honest(self, event, now)
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


def weigh_at_the_owner(patch: Patch) -> None:
    """Each owner weighs contributions as it likes."""
    honest = Owner._input

    def as_it_likes(self: Owner, node: NodeName, root: Digest, _weight: float) -> Any:  # noqa: ANN401 - passed through
        return honest(self, node, root, 0.25 if node == self.knowledge.node else 0.75)

    patch.setattr(Owner, "_input", as_it_likes)


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


def trust_any_bytes(patch: Patch) -> None:
    """What a node sends is taken for what was asked of it."""
    honest = PeerRun._fetched

    def fetched(self: PeerRun, event: Any, now: float) -> list[Effect]:  # noqa: ANN401 - passed through
        asked = tuple(digest for digest, (node, _) in self._downloads._asked.items() if node == event.holder)
        return honest(self, msgspec.structs.replace(event, digests=(asked + event.digests)[: len(event.digests)]), now)

    patch.setattr(PeerRun, "_fetched", fetched)


def merge_anything(patch: Patch) -> None:
    """Whatever has the announced digest is merged."""
    honest = Scrutiny.judge

    def judge(self: Scrutiny, root: Digest, offsets: Iterable[int], _problem: str | None) -> None:
        honest(self, root, offsets, None)

    patch.setattr(Scrutiny, "judge", judge)


def pass_before_the_answer(patch: Patch) -> None:
    """A contribution has passed as soon as somebody looks at the last of its pieces."""

    def has_passed(self: Scrutiny, root: Digest) -> bool:
        return root in self._looks and not self._looks[root].unseen

    patch.setattr(Scrutiny, "has_passed", has_passed)


def merge_ahead_of_the_bytes(patch: Patch) -> None:
    """Pieces are merged as soon as it is known what they will be made of."""
    honest = Foresight.due

    def due(self: Foresight, _is_here: Callable[[Digest], bool]) -> list[MergeAhead]:
        return honest(self, lambda _piece: True)

    patch.setattr(Foresight, "due", due)


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

    table = with_row(with_row(owner.OWNER, owner.over, over), owner.merge, merge)
    patch.setattr("shoal_swarm.protocol.peer.run.OWNER", table)
