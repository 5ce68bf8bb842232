"""One run, as one node's peer sees it: three parts that look at the same facts.

    contributor   this node's own work            TRAINING … FROZEN
    owner         the share it merges for all     IDLE … PUBLISHED
    holder        the shared state it keeps       STARTING … APPLYING

An event first changes facts; then every part takes the transitions that are due, until nothing moves. On
every tick each part says again what is true and unanswered. The ledger is the only source of decisions.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import assert_never

from shoal_swarm.protocol.catch_up import Downloads
from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.digests import list_root
from shoal_swarm.protocol.folding import Books
from shoal_swarm.protocol.ledger import LedgerEntry
from shoal_swarm.protocol.names import Digest
from shoal_swarm.protocol.peer.contributor import CONTRIBUTOR, Contributor
from shoal_swarm.protocol.peer.effects import Alarm, Effect, Fetch, FetchList, KeepBlobs, Send, Stop
from shoal_swarm.protocol.peer.events import (
    BlobLost,
    BlobsKept,
    BooksKept,
    DiskFailed,
    Event,
    Examined,
    Fetched,
    FetchFailed,
    GramMeasured,
    Leaving,
    LedgerKept,
    ListFetched,
    Offered,
    Received,
    ShareMerged,
    Ticked,
)
from shoal_swarm.protocol.peer.holder import HOLDER, Holder
from shoal_swarm.protocol.peer.knowledge import Identity, Knowledge
from shoal_swarm.protocol.peer.link import Link
from shoal_swarm.protocol.peer.owner import OWNER, Owner
from shoal_swarm.protocol.round_messages import (
    Announced,
    FromNode,
    FromSentinel,
    JoinAgain,
    Joined,
    LedgerPart,
    Published,
    Refused,
    Renewed,
    TurnedDown,
)
from shoal_swarm.protocol.run_rules import RunRules
from shoal_swarm.protocol.table import step
from shoal_swarm.protocol.weighing import Weigh

_CHANGES_WANTS = (Received, Fetched, ListFetched, FetchFailed, BlobLost, Ticked)
"""After these something may have to be fetched; so it may after every transition."""


class PeerRun:
    """The decisions of one peer about one run, from one start of its process to the next."""

    def __init__(
        self,
        identity: Identity,
        rules: RunRules,
        timing: Timing,
        now: float,
        *,
        weigh: Weigh,
        books: Books,
        ledger: Sequence[LedgerEntry] = (),
        blobs: Iterable[Digest] = (),
    ) -> None:
        self.knowledge = Knowledge(identity, rules, timing, books, kept=set(blobs))
        self.knowledge.learn(ledger)
        self.knowledge.ledger_kept = len(self.knowledge.heads)
        self._damaged = [
            Alarm(f"The disk lost contribution {root.hex()[:12]}; its work can't be folded in any more.")
            for root in self.knowledge.strike_damaged()
        ]
        self.link = Link(self.knowledge, heard_at=now)
        self.contributor = Contributor(self.knowledge, self.link, base=books.applied)
        self.owner = Owner(self.knowledge, self.link, weigh)
        self.holder = Holder(self.knowledge, self.link)
        self.is_stopped = False
        self._downloads = Downloads(timing.fetch_stall_s)
        self._on_its_way_to_disk: set[Digest] = set()
        self._wanted_results: Collection[Digest] = ()
        self._wanted_inputs: Collection[Digest] = ()
        """As of when it was last looked what to fetch, which is after every event that changes it."""
        self._said: dict[type[FromNode], FromNode] = {}

    def start(self, now: float) -> list[Effect]:
        """What follows from what was found on disk; called once, before any event."""
        return [*self._damaged, *self._settle(now, must_fetch=True), *self.link.say(ready=False)]

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take in one event; what follows is to be done in this order."""
        if self.is_stopped:
            return []
        was_ready = self.contributor.is_ready()
        effects = self._take_in(event, now)
        effects += self._settle(now, must_fetch=isinstance(event, _CHANGES_WANTS))
        if self.contributor.is_ready() and not was_ready and self.link.incarnation is not None:
            effects += self.link.say(ready=True)  # everybody may be waiting for just this
        self.is_stopped = any(isinstance(effect, Stop) for effect in effects)
        return effects

    def _take_in(  # noqa: C901, PLR0911, PLR0912 - one branch for each event of the closed union
        self, event: Event, now: float
    ) -> list[Effect]:
        match event:
            case Received():
                self.link.heard_at = now
                return self._hear(event.message)
            case Offered():
                self.contributor.offered(event)
                return []
            case Fetched():
                return self._fetched(event, now)
            case ListFetched():
                return self._list_fetched(event, now)
            case FetchFailed():
                self._downloads.failed(event.holder, event.digests)
                return []
            case BlobsKept():
                self.knowledge.kept.update(event.digests)
                self._on_its_way_to_disk.difference_update(event.digests)
                return self._news(self.holder.say())
            case BlobLost():
                return self._blob_lost(event.digest)
            case BooksKept():
                self.knowledge.books_kept()
                return []
            case LedgerKept():
                self.knowledge.ledger_kept = event.length
                return []
            case DiskFailed():
                return [Stop(f"The disk failed: {event.reason}. Mend it and start this node again; nothing was lost.")]
            case Examined():
                self.owner.examined(event)
                return self._news(self.owner.say())
            case ShareMerged():
                self.owner.share_merged(event)
                return []
            case GramMeasured():
                self.owner.measured(event)
                return self._news(self.owner.say())
            case Leaving():
                return self.link.leave()
            case Ticked():
                return self._tick(now)
            case _:
                assert_never(event)

    def _hear(self, message: FromSentinel) -> list[Effect]:  # noqa: PLR0911 - one branch for each message
        if message.run != self.knowledge.rules.run:
            return []
        match message:
            case LedgerPart():
                new, flaw = self.knowledge.learn(message.entries)
                alarm: list[Effect] = [] if flaw is None else [Alarm(f"The sentinel's ledger is refused: {flaw}.")]
                return [*self.knowledge.keep_entries(new), *alarm]
            case Announced():
                self.owner.announced(message)
                return self._news(self.owner.say())
            case TurnedDown():
                return self.contributor.turned_down(message)
            case Published():
                self.holder.published(message)
                return self._news(self.holder.say())
            case Joined():
                self.link.joined(message)
                return []
            case JoinAgain():
                return self.link.join_again(message)
            case Refused():
                return self.link.refused(message)
            case Renewed():
                return []
            case _:
                assert_never(message)

    def _blob_lost(self, digest: Digest) -> list[Effect]:
        self.knowledge.kept.discard(digest)
        self.owner.lost(digest)
        frozen = self.knowledge.books.frozen
        if frozen is None or digest not in (frozen.root, *frozen.pieces):
            return []
        # The trainer still has this work, and owners may have it too: going on could count it twice.
        return [Stop("The disk lost bytes of the contribution under way. Check the disk and start this node again.")]

    def _tick(self, now: float) -> list[Effect]:
        self._downloads.tick(now)
        self._said.clear()
        return [
            *self.link.say(ready=self.contributor.is_ready()),
            *self.contributor.say(now),
            *self._news(self.owner.say()),
            *self._news(self.holder.say()),
        ]

    def _news(self, effects: list[Effect]) -> list[Effect]:
        """Without what was said in the same words since the last tick: pieces come in dozens, and few change it."""
        fresh: list[Effect] = []
        for effect in effects:
            if not isinstance(effect, Send):
                fresh.append(effect)
            elif self._said.get(type(effect.message)) != effect.message:
                self._said[type(effect.message)] = effect.message
                fresh.append(effect)
        return fresh

    def _fetched(self, event: Fetched, now: float) -> list[Effect]:
        arrived = self._downloads.arrived(event.holder, event.digests, now)
        inputs = [digest for digest in arrived if digest in self._wanted_inputs]
        self.owner.at_hand.update(inputs)
        to_keep = tuple(digest for digest in arrived if digest in self._wanted_results)
        self._on_its_way_to_disk.update(to_keep)
        kept: list[Effect] = [KeepBlobs(to_keep, "result")] if to_keep else []
        if self.knowledge.record is not None:
            self.knowledge.pin(self.knowledge.record.attempt_key(), to_keep)
        return kept + (self._news(self.owner.say()) if inputs else [])

    def _list_fetched(self, event: ListFetched, now: float) -> list[Effect]:
        is_right = list_root(event.digests) == event.root
        if is_right and self._downloads.arrived(event.holder, (event.root,), now):
            self.knowledge.lists[event.root] = event.digests
        else:
            self._downloads.failed(event.holder, (event.root,))
        return []

    def _settle(self, now: float, *, must_fetch: bool) -> list[Effect]:
        effects: list[Effect] = []
        moved = True
        while moved:
            moved = False
            for due in (
                step(self.holder, HOLDER, now),
                step(self.contributor, CONTRIBUTOR, now),
                step(self.owner, OWNER, now),
            ):
                if due is not None:
                    effects += due
                    moved = must_fetch = True
        return effects + (self._fetch(now) if must_fetch else [])

    def _fetch(self, now: float) -> list[Effect]:
        held_lists, held_pieces = self.holder.wanted()
        owned_lists, owned_pieces = self.owner.wanted()
        self._wanted_results, self._wanted_inputs = held_pieces, owned_pieces
        lists = {**owned_lists, **held_lists}
        wanted = {**owned_pieces, **held_pieces}
        pieces = {digest: wanted[digest] for digest in wanted if digest not in self._on_its_way_to_disk}
        self._downloads.forget({**lists, **pieces})
        asked_lists = self._downloads.ask(lists, now)
        effects: list[Effect] = [FetchList(node, root) for node, roots in asked_lists.items() for root in roots]
        return effects + [Fetch(node, digests) for node, digests in self._downloads.ask(pieces, now).items()]
