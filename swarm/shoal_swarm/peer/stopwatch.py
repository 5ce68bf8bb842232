"""Notices when a round reaches each of its phases on this node, and what the round cost."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from shoal_swarm.merge import Codec, Piece, Plan, piece_bytes
from shoal_swarm.protocol.names import BEFORE_ROUND_ZERO
from shoal_swarm.protocol.peer.knowledge import Knowledge
from shoal_swarm.protocol.record import Phase
from shoal_swarm.service.round_figures import RoundFigures, note_figures

FROZEN: Final = "frozen"
CUT: Final = "cut"
COMMITTED: Final = "committed"
APPLIED: Final = "applied"
Carried = Callable[[], tuple[int, int]]


class Stopwatch:
    """The moments of the rounds that are under way."""

    def __init__(self, folder: Path, plan: Plan, pieces: Sequence[Piece], carried: Carried) -> None:
        self._folder, self._carried = folder, carried
        self._raw = sum(piece_bytes(piece, Codec.FP32) for piece in pieces)
        self._encoded = sum(piece_bytes(piece, plan.codec) for piece in pieces)
        self._moments: dict[int, dict[str, float]] = {}
        self._contributors: dict[int, int] = {}
        self._before = carried()
        self._closed = BEFORE_ROUND_ZERO

    def look(self, knowledge: Knowledge, now: float, happened: Mapping[str, int]) -> None:
        """After an event: `happened` names rounds that started, were offered or applied here just now."""
        for phase, number in happened.items():
            self._stamp(number, phase, now)
        record, frozen = knowledge.record, knowledge.books.frozen
        if frozen is not None:
            self._stamp(frozen.round, FROZEN, now)
        if record is not None:
            if record.cut:
                self._contributors[record.round] = len(record.cut)
            if record.phase is Phase.CUT:
                self._stamp(record.round, CUT, now)
            if record.committed == record.round:
                self._stamp(record.round, COMMITTED, now)
        if APPLIED in happened:
            self._close(happened[APPLIED])

    def _close(self, round_number: int) -> None:
        """The round is done here: note what it took, if this node had a part in it."""
        carried = self._carried()
        content, whole = (after - before for before, after in zip(self._before, carried, strict=True))
        self._before = carried
        moments = self._moments[round_number]
        if FROZEN in moments:
            figures = RoundFigures(
                round=round_number,
                contributors=self._contributors.get(round_number, 0),
                seconds={after: round(moments[after] - moments[before], 4) for before, after in pairwise(moments)},
                bytes_raw=self._raw,
                bytes_encoded=self._encoded,
                bytes_content=content,
                bytes_meta=whole - content,
            )
            note_figures(self._folder, figures)
        self._closed = round_number
        self._moments = {number: found for number, found in self._moments.items() if number > round_number}
        self._contributors = {number: count for number, count in self._contributors.items() if number > round_number}

    def _stamp(self, round_number: int, phase: str, now: float) -> None:
        """The first time counts; phases come in their order, and one that passed unseen is left out."""
        if round_number > self._closed:
            self._moments.setdefault(round_number, {}).setdefault(phase, now)
