"""What nodes reported about the attempt under way. All of it is in memory only: nodes say it again every tick."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from shoal_swarm.protocol.names import Digest, NodeName
from shoal_swarm.protocol.pieces import Share
from shoal_swarm.protocol.round_messages import Have, Held
from shoal_swarm.protocol.signed import SignedManifest, SignedResult


@dataclass(slots=True)
class Collected:
    """Reports about one attempt of one round; reports about any other never get in."""

    round: int
    attempt: int
    manifests: dict[NodeName, SignedManifest] = field(default_factory=dict)
    haves: dict[NodeName, Have] = field(default_factory=dict)
    results: dict[NodeName, dict[Digest, SignedResult]] = field(default_factory=dict)
    doubted: set[NodeName] = field(default_factory=set)
    """Nodes that signed two different contributions to this round: neither counts in this attempt."""
    _said_by: dict[NodeName, int] = field(default_factory=dict)
    """The process that announced each contribution: one that lost its disk may come with another one."""
    _complete_at: dict[NodeName, frozenset[tuple[NodeName, Digest]]] = field(default_factory=dict)
    held: dict[tuple[NodeName, Digest], set[NodeName]] = field(default_factory=dict)

    def next_attempt(self, attempt: int) -> "Collected":
        """The same round again: contributions are frozen and stay; what owners did with them does not."""
        return Collected(self.round, attempt, manifests=self.manifests, _said_by=self._said_by)

    def forget(self, node: NodeName) -> None:
        """A newer process speaks for this node: what the old one had may have gone with its disk."""
        self.haves.pop(node, None)
        self._complete_at.pop(node, None)
        for holders in self.held.values():
            holders.discard(node)

    def expel(self, node: NodeName) -> None:
        """Nothing of this node is to be merged: neither what it contributed nor what it merged itself."""
        self.forget(node)
        self.manifests.pop(node, None)
        self.results.pop(node, None)

    def announce(self, node: NodeName, incarnation: int, signed: SignedManifest) -> SignedManifest | None:
        """Note a contribution; returns the one that the same process announced before, if that is another one."""
        known = self.manifests.get(node)
        if known is not None and known.manifest != signed.manifest and self._said_by.get(node) == incarnation:
            self.doubted.add(node)
            del self.manifests[node]
            return known
        self.manifests[node] = signed
        self._said_by[node] = incarnation
        return None

    def have(self, owner: NodeName, have: Have) -> bool:
        """Note what an owner has; True if that is news."""
        if self.haves.get(owner) == have:
            return False
        self.haves[owner] = have
        self._complete_at[owner] = frozenset(have.complete)
        return True

    def hold(self, node: NodeName, held: Held) -> bool:
        """Note what lies durably on a node; True if that is news."""
        new = [key for key in held.held if node not in self.held.get(key, ())]
        for key in new:
            self.held.setdefault(key, set()).add(node)
        return bool(new)

    def has(self, owner: NodeName, node: NodeName) -> bool:
        """Whether an owner has this node's announced contribution complete."""
        signed = self.manifests.get(node)
        return signed is not None and (node, signed.manifest.root) in self._complete_at.get(owner, ())

    def refusals(self) -> Iterator[tuple[NodeName, NodeName, Digest, str]]:
        """Who refuses whose announced contribution, its root and why."""
        for owner, have in self.haves.items():
            for node, root, reason in have.refused:
                signed = self.manifests.get(node)
                if signed is not None and signed.manifest.root == root:
                    yield owner, node, root, reason

    def complete(self, expected: Iterable[NodeName], shares: Iterable[Share]) -> list[NodeName]:
        """Contributors that every owner has complete under the same root: the only ones a cut may name."""
        owners = [share.owner for share in shares]
        return [node for node in expected if all(self.has(owner, node) for owner in owners)]

    def committable(self, share: Share, copies: int) -> tuple[SignedResult, tuple[NodeName, ...]] | None:
        """A result of this share that enough different nodes hold durably, and who they are."""
        for root, signed in sorted(self.results.get(share.owner, {}).items()):
            holders = self.held.get((share.owner, root), set())
            if len(holders) >= copies:
                return signed, tuple(sorted(holders))
        return None

    def laggards(self, expected: Iterable[NodeName], shares: Iterable[Share], quorum: int) -> set[NodeName]:
        """Owners that do not have the same contributions as the best one, so that they can't share a cut with it.

        Where two owners can't reach each other it is nobody's fault, and still one of them has to go. Where even
        the best one lacks a quorum, all have to.
        """
        nodes = list(expected)
        complete = {share.owner: {node for node in nodes if self.has(share.owner, node)} for share in shares}
        best = max(complete.values(), key=len, default=set())
        if len(best) < quorum:
            return set(complete)
        return {owner for owner, having in complete.items() if having != best}

    def unheld(self, shares: Iterable[Share], copies: int) -> set[NodeName]:
        """Owners whose result is missing, or could not be fetched by enough nodes."""
        return {share.owner for share in shares if self.committable(share, copies) is None}

    def gram(self, contributors: list[NodeName], shares: Iterable[Share]) -> tuple[tuple[float, ...], ...] | None:
        """The contributors' Gram matrix: the sum of what owners measured on their shares; None while one lacks."""
        size = len(contributors)
        total = [[0.0] * size for _ in range(size)]
        for share in shares:
            have = self.haves[share.owner]
            if len(have.gram) != len(have.complete) or any(len(row) != len(have.complete) for row in have.gram):
                return None
            places = [have.complete.index((node, self.manifests[node].manifest.root)) for node in contributors]
            for row, from_row in enumerate(places):
                for column, from_column in enumerate(places):
                    total[row][column] += have.gram[from_row][from_column]
        return tuple(tuple(row) for row in total)
