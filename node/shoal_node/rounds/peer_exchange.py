"""The swarm behind this node's peer: files in a folder, messages on a socket beside it.

Either half may die and come back. A trainer that lost its peer reaches it again, introduces itself again, and offers
again when it is asked to; it is asked as long as its offer was not taken. So nothing is remembered here but the last
offer, and for people every measure: a peer that comes back has forgotten them.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final, assert_never

from shoal_base.errors import PeerRefused, Unavailable
from shoal_base.logs import get_log
from shoal_node.rounds.exchange import Contribution, Fit, Longer, Over, Start, Word
from shoal_swarm.merge import AdapterSpec
from shoal_swarm.trainer_link.line import Line
from shoal_swarm.trainer_link.messages import (
    LINK_VERSION,
    Begin,
    Declined,
    Done,
    Finish,
    FromPeer,
    FromTrainer,
    GoOn,
    Measured,
    Offer,
    Progress,
    Ready,
    Taken,
)
from shoal_swarm.trainer_link.tensors import drop_files, read_adapter, read_file, write_adapter

PATIENCE_S: Final = 120.0
"""A peer that does not come back within this is reported; whoever supervises both may start them again."""
_OFFERS: Final = "offer-"


class PeerExchange:
    """What a trainer says to its peer, and hears."""

    def __init__(self, folder: Path, config: bytes, *, patience_s: float = PATIENCE_S) -> None:
        self._folder, self._config, self._patience_s = folder, config, patience_s
        self._line: Line | None = None
        self._ready: Ready | None = None
        self._spec: AdapterSpec | None = None
        self._offer: Offer | None = None
        self._measures: dict[tuple[int, bool], Measured] = {}
        self._log = get_log()

    def join(self, fit: Fit, base: int) -> Word:
        """Introduce this trainer; a peer that has its work already says nothing until the next COMMIT."""
        self._spec = fit.adapter
        self._ready = Ready(
            version=LINK_VERSION,
            config=self._config,
            adapter=fit.adapter.to_bytes(),
            base_model=fit.base_model,
            tokenizer=fit.tokenizer,
            labels=fit.labels,
            examples=fit.examples,
        )
        self._log.info("peer_awaited", folder=str(self._folder), base=base)
        self._reach()
        return self.wait()

    def offer(self, contribution: Contribution) -> None:
        """Write the adapter down and name it."""
        name = f"{_OFFERS}{contribution.base}-{contribution.steps}.safetensors"
        file = write_adapter(self._folder, name, contribution.adapter)
        drop_files(self._folder, (_OFFERS,), keep=(name,))
        self._offer = Offer(
            base=contribution.base,
            file=file,
            examples=contribution.examples,
            steps=contribution.steps,
            metrics=contribution.metrics,
        )
        self._say(self._offer)

    def wait(self) -> Word:
        """The next word that changes what this trainer does."""
        while True:
            match self._hear():
                case Begin() as begin if self._offer is not None and begin.base == self._offer.base:
                    self._say(self._offer)
                case Begin() as begin:
                    return self._start(begin)
                case GoOn(base=base, steps=steps):
                    return Longer(base=base, steps=steps)
                case Finish() as finish:
                    merged = read_adapter(self._folder, finish.merged, self._shape())
                    return Over(round=finish.round, merged=merged, ledger=read_file(self._folder, finish.ledger))
                case Declined(sentence=sentence):
                    raise PeerRefused(f"The peer cannot work with this trainer: {sentence}")
                case Taken():
                    pass
                case None:
                    pass
                case odd:
                    assert_never(odd)

    def progress(self, base: int, step: int, steps: int, loss: float | None) -> None:
        """For people; lost while the peer is away."""
        self._say_if_there(Progress(base=base, step=step, steps=steps, loss=loss))

    def measured(self, round_number: int, *, is_merged: bool, metrics: dict[str, float]) -> None:
        """For people; a peer that is away hears of it when it is back."""
        found = Measured(round=round_number, is_merged=is_merged, metrics=metrics)
        self._measures[(round_number, is_merged)] = found
        self._say_if_there(found)

    def done(self) -> None:
        """The result is written; say so and hang up."""
        self._say(Done())
        if self._line is not None:
            self._line.close()

    def _start(self, begin: Begin) -> Start:
        merged = None if begin.merged is None else read_adapter(self._folder, begin.merged, self._shape())
        start = merged
        if begin.start is not None and begin.start != begin.merged:
            start = read_adapter(self._folder, begin.start, self._shape())
        return Start(base=begin.base, steps=begin.steps, is_last=begin.last, merged=merged, start=start)

    def _shape(self) -> AdapterSpec:
        assert self._spec is not None, "a trainer joins first"
        return self._spec

    def _reach(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = Line.reach(self._folder, self._patience_s)
        assert self._ready is not None, "a trainer joins first"
        self._line.say(self._ready)
        for measured in self._measures.values():
            self._say_if_there(measured)

    def _say(self, message: FromTrainer) -> None:
        """Say it; a peer that comes back asks for whatever it still needs."""
        assert self._line is not None, "a trainer joins first"
        try:
            self._line.say(message)
        except Unavailable:
            self._log.warning("peer_lost")
            self._reach()
            if isinstance(message, Done):
                self._line.say(message)

    def _say_if_there(self, message: FromTrainer) -> None:
        if self._line is not None:
            with suppress(Unavailable):
                self._line.say(message)

    def _hear(self) -> FromPeer | None:
        assert self._line is not None, "a trainer joins first"
        try:
            return self._line.hear()
        except Unavailable:
            self._log.warning("peer_lost")
            self._reach()
            return None
