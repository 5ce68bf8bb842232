"""No measure is lost for people: neither a peer nor a trainer that was killed takes one with it."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from shoal_base.unix_sockets import bound
from shoal_node.rounds.exchange import Fit, Start, Word
from shoal_node.rounds.peer_exchange import PeerExchange
from shoal_node.rounds.remembering import Remembering
from shoal_swarm.merge import AdapterSpec, ModuleSpec
from shoal_swarm.protocol.digests import digest_of
from shoal_swarm.trainer_link.framing import LENGTH_BYTES, framed, from_trainer, length_in
from shoal_swarm.trainer_link.messages import Begin, FromTrainer, Measured, Ready
from shoal_swarm.trainer_link.places import SOCKET_NAME, made

ONE = digest_of(b"one")
FIT = Fit(
    adapter=AdapterSpec.of([ModuleSpec("layer.0.query", 4, 4, 2)], []),
    base_model=ONE,
    tokenizer=ONE,
    labels=ONE,
    examples=10,
)
BEGIN = Begin(base=-1, steps=0, last=False, merged=None, start=None)
FIRST = Measured(round=0, is_merged=True, metrics={"accuracy": 0.25})
SECOND = Measured(round=1, is_merged=False, metrics={"accuracy": 0.5})


class Peer:
    """One that listens, and comes and goes as it is told to."""

    def __init__(self, folder: Path) -> None:
        self._listening = bound(folder, SOCKET_NAME)
        self._listening.listen()
        self._listening.settimeout(10)
        self._connected: socket.socket | None = None

    def hear(self, count: int) -> list[FromTrainer]:
        """What a trainer that comes says first, before it is told to begin."""
        self._connected, _ = self._listening.accept()
        with self._connected.makefile("rb") as stream:
            heard = [from_trainer(stream.read(length_in(stream.read(LENGTH_BYTES)))) for _ in range(count)]
        self._connected.sendall(framed(BEGIN))
        return heard

    def lose(self) -> None:
        """Be gone, but listen again at once."""
        if self._connected is not None:
            self._connected.close()

    def close(self) -> None:
        """Be gone for good."""
        self.lose()
        self._listening.close()


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    """The peer of a link, with no trainer there yet."""
    with closing(Peer(made(tmp_path / "link"))) as found:
        yield found


def _heard(peer: Peer, count: int, speak: Callable[[], Word]) -> list[FromTrainer]:
    """What is said until the trainer was told to begin."""
    with ThreadPoolExecutor(1) as threads:
        heard = threads.submit(peer.hear, count)
        assert isinstance(speak(), Start)
        return heard.result()


def test_a_peer_that_comes_back_hears_every_measure_again(tmp_path: Path, peer: Peer) -> None:
    exchange = PeerExchange(tmp_path / "link", ONE)
    assert isinstance(_heard(peer, 1, lambda: exchange.join(FIT, -1))[0], Ready)
    for one in (FIRST, SECOND):
        exchange.measured(one.round, is_merged=one.is_merged, metrics=dict(one.metrics))
    peer.lose()
    assert _heard(peer, 3, exchange.wait)[1:] == [FIRST, SECOND]
    exchange.done()


def test_a_trainer_that_comes_back_says_what_it_measured_before(tmp_path: Path, peer: Peer) -> None:
    killed = Remembering(PeerExchange(tmp_path / "link", ONE), tmp_path / "out")
    killed.measured(0, is_merged=True, metrics={"accuracy": 0.25})
    with (tmp_path / "out/metrics.jsonl").open("ab") as file:
        file.write(b'{"round": 7, "is_mer')
    back = Remembering(PeerExchange(tmp_path / "link", ONE), tmp_path / "out")
    assert _heard(peer, 2, lambda: back.join(FIT, -1))[1:] == [FIRST]
    back.done()
