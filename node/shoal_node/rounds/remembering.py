"""An exchange that remembers every measure on disk, so that a trainer that was killed still has them in the end."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from shoal_base.errors import PlaceRefused
from shoal_node.rounds.exchange import Contribution, Exchange, Fit, Word

FILE: Final = "metrics.jsonl"


class Measure(msgspec.Struct, frozen=True):
    """Held-out metrics of one adapter in this trainer's hands."""

    round: int
    is_merged: bool
    metrics: dict[str, float]


class Remembering:
    """Another exchange, with a memory for measures."""

    def __init__(self, exchange: Exchange, folder: Path) -> None:
        self._exchange, self._path = exchange, folder / FILE
        self._measures: dict[tuple[int, bool], Measure] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for line in self._path.read_bytes().splitlines() if self._path.exists() else ():
                self._keep(line)
        except OSError as problem:
            raise PlaceRefused(f"{self._path} cannot be read: {problem.strerror}.") from problem

    def join(self, fit: Fit, base: int) -> Word:
        """Bring along what is remembered."""
        for one in self._measures.values():
            self._exchange.measured(one.round, is_merged=one.is_merged, metrics=one.metrics)
        return self._exchange.join(fit, base)

    def offer(self, contribution: Contribution) -> None:
        """As the other one does."""
        self._exchange.offer(contribution)

    def wait(self) -> Word:
        """As the other one does."""
        return self._exchange.wait()

    def progress(self, base: int, step: int, steps: int, loss: float | None) -> None:
        """As the other one does."""
        self._exchange.progress(base, step, steps, loss)

    def measured(self, round_number: int, *, is_merged: bool, metrics: dict[str, float]) -> None:
        """Note it, and pass it on."""
        found = Measure(round_number, is_merged, metrics)
        self._measures[(round_number, is_merged)] = found
        try:
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(found) + b"\n")
        except OSError as problem:
            raise PlaceRefused(f"{self._path} cannot be written: {problem.strerror}. Free some space.") from problem
        self._exchange.measured(round_number, is_merged=is_merged, metrics=metrics)

    def done(self) -> None:
        """As the other one does."""
        self._exchange.done()

    def rounds(self) -> list[Mapping[str, object]]:
        """Every measure, by round: a node's own work before its merge comes after the COMMIT it was trained from."""
        ordered = sorted(self._measures.values(), key=lambda one: (one.round, not one.is_merged))
        return [msgspec.to_builtins(one) for one in ordered]

    def final(self) -> dict[str, float]:
        """Of the newest merged adapter."""
        merged = [one for one in self._measures.values() if one.is_merged]
        return dict(max(merged, key=lambda one: one.round).metrics) if merged else {}

    def forget(self) -> None:
        """The measures are written elsewhere."""
        self._path.unlink(missing_ok=True)

    def _keep(self, line: bytes) -> None:
        try:
            found = msgspec.json.decode(line, type=Measure)
        except msgspec.MsgspecError:
            return  # half a line is what a killed process leaves
        self._measures[(found.round, found.is_merged)] = found
