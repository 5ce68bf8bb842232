"""Promise: a peer says only what is durable, takes decisions only from a ledger that stands, and ends when it must."""

from dataclasses import dataclass, field

import msgspec
import pytest

from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.protocol.digests import digest_of, list_root
from shoal_swarm.protocol.folding import Books, freeze
from shoal_swarm.protocol.names import NodeName
from shoal_swarm.protocol.peer import effects as do
from shoal_swarm.protocol.peer import events as on
from shoal_swarm.protocol.peer.knowledge import Identity
from shoal_swarm.protocol.peer.run import PeerRun
from shoal_swarm.protocol.round_messages import (
    Announced,
    Contribution,
    FromSentinel,
    Goodbye,
    Join,
    JoinAgain,
    Joined,
    Lease,
    LedgerPart,
    Refused,
)
from tests.unit.swarm.protocol.keys import verify
from tests.unit.swarm.protocol.swarm import CONFIG, FIT, RULES, RUN, Desk, by_count, desk, joined

PIECES = (digest_of(b"one"), digest_of(b"two"))
ROOT = list_root(PIECES)
OFFER = on.Offered(base=-1, root=ROOT, pieces=PIECES, examples=10, steps=16, folds=())


@dataclass(slots=True)
class Hand:
    """Feeds a peer's run; nothing is done that the test does not do."""

    run: PeerRun
    now: float = 0.0
    done: list[do.Effect] = field(default_factory=list)

    def feed(self, event: on.Event) -> list[do.Effect]:
        """An event; returns what is to be done."""
        self.done = self.run.handle(event, self.now)
        return self.done

    def hear(self, message: FromSentinel) -> list[do.Effect]:
        """The sentinel says something."""
        return self.feed(on.Received(message))

    def sent(self) -> list[str]:
        """Kinds of what is to be said."""
        return [type(effect.message).__name__ for effect in self.done if isinstance(effect, do.Send)]


def hand(books: Books | None = None, blobs: tuple[bytes, ...] = ()) -> Hand:
    identity = Identity(
        node=NodeName("ana"),
        boot_nonce="boot",
        address="ana:1",
        fit=FIT,
        sign=lambda payload: b"ana" + digest_of(payload),
        verify=verify,
    )
    ready = tuple(digest_of(blob) for blob in blobs)
    return Hand(PeerRun(identity, RULES, Timing.lan(), 0.0, weigh=by_count, books=books or Books(), blobs=ready))


@pytest.fixture
def sentinel() -> Desk:
    place = desk()
    joined(place, ["ana", "ben"])
    place.lease("ana")
    place.lease("ben")
    return place


@pytest.fixture
def peer(sentinel: Desk) -> Hand:
    """A peer that has joined, has offered, and has just heard that round zero is open and expects it."""
    peer = hand()
    peer.run.start(0.0)
    peer.hear(Joined(run=RUN, boot_nonce="boot", incarnation=1))
    peer.feed(OFFER)
    peer.hear(LedgerPart(run=RUN, entries=tuple(sentinel.ledger)))
    return peer


def test_it_introduces_itself_and_has_the_first_adapter_made() -> None:
    peer = hand()
    train, join = peer.run.start(0.0)
    assert train == do.Train(-1, (), RULES.sync_every, (), None)
    assert isinstance(join, do.Send)
    assert join.message == Join(run=RUN, boot_nonce="boot", config_hash=CONFIG, fit=FIT, address="ana:1")


def test_an_offer_is_told_at_once_because_everybody_may_be_waiting_for_it() -> None:
    peer = hand()
    peer.hear(Joined(run=RUN, boot_nonce="boot", incarnation=1))
    (said,) = peer.feed(OFFER)
    assert isinstance(said, do.Send)
    assert isinstance(said.message, Lease)
    assert said.message.ready


def test_an_owner_repeats_itself_on_ticks_only(peer: Hand) -> None:
    """Pieces come in dozens; each time the same words would be most of what a sentinel hears."""
    nothing_new = Announced(run=RUN, round=0, attempt=0, manifests=())
    said = []
    for event in (on.Received(nothing_new), on.Received(nothing_new), on.Ticked(), on.Received(nothing_new)):
        peer.feed(event)
        said.append(peer.sent().count("Have"))
    assert said == [1, 0, 1, 0]


def test_bytes_then_books_then_words(peer: Hand) -> None:
    assert do.KeepBlobs((ROOT, *PIECES), "contribution") in peer.done
    assert "Contribution" not in peer.sent()
    (write,) = peer.feed(on.BlobsKept((ROOT, *PIECES)))
    assert isinstance(write, do.WriteBooks)
    assert write.books.frozen is not None
    assert write.books.frozen.root == ROOT
    peer.feed(on.BooksKept())
    assert peer.sent() == ["Contribution"]
    (said,) = [effect.message for effect in peer.done if isinstance(effect, do.Send)]
    assert isinstance(said, Contribution)
    assert said.signed.manifest.root == ROOT


def test_half_of_the_bytes_are_not_enough(peer: Hand) -> None:
    assert peer.feed(on.BlobsKept((ROOT, PIECES[0]))) == []


def test_a_failed_disk_ends_the_process_and_nothing_is_said_after_it(peer: Hand) -> None:
    (stop,) = peer.feed(on.DiskFailed("no space left on device"))
    assert isinstance(stop, do.Stop)
    assert "no space left on device" in stop.reason
    assert peer.feed(on.BlobsKept((ROOT, *PIECES))) == []
    assert peer.feed(on.Ticked()) == []


def test_after_a_restart_it_announces_what_its_books_name() -> None:
    books = freeze(Books(), ROOT, PIECES, 10)
    peer = Hand(hand().run)
    peer.run = PeerRun(
        peer.run.knowledge.identity, RULES, Timing.lan(), 0.0, weigh=by_count, books=books, blobs=(ROOT, *PIECES)
    )
    peer.run.start(0.0)
    assert peer.run.contributor.state == "FROZEN"


def test_after_a_restart_it_strikes_what_its_disk_has_lost() -> None:
    peer = Hand(
        PeerRun(
            hand().run.knowledge.identity,
            RULES,
            Timing.lan(),
            0.0,
            weigh=by_count,
            books=freeze(Books(), ROOT, PIECES, 10),
            blobs=(ROOT,),
        )
    )
    alarm = peer.run.start(0.0)[0]
    assert isinstance(alarm, do.Alarm)
    assert ROOT.hex()[:12] in alarm.sentence
    assert peer.run.knowledge.books.frozen is None


def test_bytes_lost_from_the_contribution_under_way_end_the_process(peer: Hand) -> None:
    peer.feed(on.BlobsKept((ROOT, *PIECES)))
    peer.feed(on.BooksKept())
    (stop,) = peer.feed(on.BlobLost(PIECES[0]))
    assert isinstance(stop, do.Stop)


def test_a_ledger_that_does_not_stand_is_refused_with_an_alarm(sentinel: Desk) -> None:
    peer = hand()
    forged = msgspec.structs.replace(sentinel.ledger[1], signature=b"forged")
    effects = peer.hear(LedgerPart(run=RUN, entries=(sentinel.ledger[0], forged)))
    (alarm,) = [effect for effect in effects if isinstance(effect, do.Alarm)]
    assert "does not carry the sentinel's signature" in alarm.sentence
    assert len(peer.run.knowledge.heads) == 1


def test_another_history_than_its_own_is_refused(sentinel: Desk) -> None:
    peer = hand()
    peer.hear(LedgerPart(run=RUN, entries=tuple(sentinel.ledger)))
    other = msgspec.structs.replace(sentinel.ledger[1], hash=digest_of(b"another past"))
    (alarm,) = peer.hear(LedgerPart(run=RUN, entries=(other,)))
    assert isinstance(alarm, do.Alarm)
    assert "differs from the one this node has" in alarm.sentence


def test_a_part_of_the_ledger_from_further_on_waits_for_what_is_before_it(sentinel: Desk) -> None:
    peer = hand()
    peer.run.start(0.0)
    assert peer.hear(LedgerPart(run=RUN, entries=tuple(sentinel.ledger[1:]))) == []
    assert peer.run.knowledge.record is None


def test_what_is_meant_for_another_process_of_its_node_is_not_heard(peer: Hand) -> None:
    assert peer.hear(Refused(run=RUN, boot_nonce="another boot", reasons=("No.",))) == []
    assert peer.hear(JoinAgain(run=RUN, incarnation=7)) == []
    peer.hear(JoinAgain(run=RUN, incarnation=1))
    assert peer.sent() == ["Join"]


def test_a_refusal_ends_the_process_with_the_sentinels_reasons(peer: Hand) -> None:
    (stop,) = peer.hear(Refused(run=RUN, boot_nonce="boot", reasons=("labels differ.", "tokenizer differs.")))
    assert stop == do.Stop("labels differ. tokenizer differs.")


def test_leaving_is_said(peer: Hand) -> None:
    said, stop = peer.feed(on.Leaving())
    assert isinstance(said, do.Send)
    assert isinstance(said.message, Goodbye)
    assert isinstance(stop, do.Stop)
    assert isinstance(hand().feed(on.Leaving())[0], do.Stop)


def test_without_a_sentinel_training_drifts_to_its_cap_and_waits(peer: Hand) -> None:
    peer.feed(on.BlobsKept((ROOT, *PIECES)))
    peer.feed(on.BooksKept())
    peer.now = 10.0
    allowed = []
    for steps in (16, 32, 48, 64):
        peer.feed(msgspec.structs.replace(OFFER, steps=steps))
        allowed += [effect.steps for effect in peer.feed(on.Ticked()) if isinstance(effect, do.TrainOn)]
    assert allowed == [32, 48, 64]


def test_an_offer_from_an_older_base_is_not_taken() -> None:
    peer = hand()
    peer.feed(msgspec.structs.replace(OFFER, base=3))
    assert not peer.run.contributor.is_ready()


def test_an_offer_that_folds_in_something_else_is_not_taken() -> None:
    peer = hand()
    peer.feed(msgspec.structs.replace(OFFER, folds=(ROOT,)))
    assert not peer.run.contributor.is_ready()
