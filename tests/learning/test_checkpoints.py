"""Who dies and comes back learns what it would have learned: weights, optimizer, schedule, scaler, chance and data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from shoal_node.adapter.folder import weights_bytes
from shoal_node.adapter.sites import Sites
from shoal_node.recipes.text_classification import Job
from shoal_node.rounds.checkpoints import newest_checkpoint
from shoal_node.rounds.exchange import Word
from shoal_node.rounds.in_process import Alone
from tests.learning.workbench import job, task

STEPS, SYNC_EVERY = 12, 3
ROUNDS = STEPS // SYNC_EVERY
SWARM = f"sync_every: {SYNC_EVERY}, codec: fp32"
Losses = list[Any]


class Killed(BaseException):
    """What no part of a trainer catches."""


class DiesAt(TrainerCallback):
    """Death in the middle of a round."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        """Before the step is taken."""
        del args, control, kwargs
        if state.global_step == self._step:
            raise Killed


class DiesWaiting(Alone):
    """Death at a sync point: everything is saved and offered, and no answer came."""

    def __init__(self, base: int) -> None:
        super().__init__(ROUNDS, SYNC_EVERY)
        self._base = base

    def wait(self) -> Word:
        """Up to that round all goes well."""
        word = super().wait()
        if self._offered is not None and self._offered.base == self._base:
            raise Killed
        return word


def _alone() -> Alone:
    return Alone(ROUNDS, SYNC_EVERY)


def _train(folder: Path, precision: str, exchange: Alone, *watchers: TrainerCallback) -> tuple[Job, Losses]:
    mine = job(task(f"max_steps: {STEPS}, precision: {precision}", SWARM))
    return mine, list(mine.train(exchange, folder, watchers).losses)


def _everything(mine: Job, folder: Path) -> dict[str, object]:
    """The adapter, and what the last checkpoint has of all else."""
    newest = folder / f"checkpoint-{STEPS}"
    sites = Sites.of(mine.model)
    found: dict[str, object] = {"adapter": weights_bytes(sites, sites.read())}
    for name in ("optimizer.pt", "scheduler.pt", "scaler.pt"):
        if (newest / name).exists():
            found[name] = torch.load(newest / name, weights_only=True)
    return found


def _same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    return one == other


def _with_scaler(monkeypatch: pytest.MonkeyPatch, scalers: list[torch.amp.GradScaler]) -> None:
    """A Trainer that scales its loss, as fp16 has it; the scale grows every four steps."""
    plain: Callable[..., Trainer] = Job.trainer

    def scaling(*words: Any, **more: Any) -> Trainer:  # noqa: ANN401 - whatever the original takes
        trainer = plain(*words, **more)
        scalers.append(torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=4))
        trainer.accelerator.scaler = scalers[-1]
        return trainer

    monkeypatch.setattr(Job, "trainer", scaling)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], Losses]:
    """How it ends where nobody dies."""
    folder = tmp_path_factory.mktemp("calm")
    mine, losses = _train(folder, "fp32", _alone())
    return _everything(mine, folder), losses


DEATHS: dict[str, Callable[[], tuple[Alone, list[TrainerCallback]]]] = {
    "before the first checkpoint": lambda: (_alone(), [DiesAt(1)]),
    "while waiting": lambda: (DiesWaiting(base=1), []),
    "in the middle of a round and of an epoch": lambda: (_alone(), [DiesAt(8)]),
}


@pytest.mark.parametrize("how", DEATHS)
def test_who_died_at_any_point_ends_as_if_nothing_had_happened(
    how: str, calm: tuple[dict[str, object], Losses], tmp_path: Path
) -> None:
    exchange, watchers = DEATHS[how]()
    with pytest.raises(Killed):
        _train(tmp_path, "fp32", exchange, *watchers)
    mine, losses = _train(tmp_path, "fp32", _alone())
    assert losses == calm[1]
    assert _same(_everything(mine, tmp_path), calm[0])


@pytest.mark.full
def test_so_does_who_trains_in_bf16(tmp_path: Path) -> None:
    never, expected = _train(tmp_path / "calm", "bf16", _alone())
    with pytest.raises(Killed):
        _train(tmp_path / "died", "bf16", _alone(), DiesAt(8))
    mine, losses = _train(tmp_path / "died", "bf16", _alone())
    assert losses == expected
    assert _same(_everything(mine, tmp_path / "died"), _everything(never, tmp_path / "calm"))


def test_a_checkpoint_that_was_cut_off_is_passed_over(calm: tuple[dict[str, object], Losses], tmp_path: Path) -> None:
    with pytest.raises(Killed):
        _train(tmp_path, "fp32", _alone(), DiesAt(8))
    (tmp_path / "checkpoint-best").mkdir()
    assert newest_checkpoint(tmp_path) == str(tmp_path / "checkpoint-6")
    state = tmp_path / "checkpoint-6/trainer_state.json"
    state.write_bytes(state.read_bytes()[:-20])
    assert newest_checkpoint(tmp_path) == str(tmp_path / "checkpoint-3")
    mine, losses = _train(tmp_path, "fp32", _alone())
    assert losses == calm[1]
    assert _same(_everything(mine, tmp_path), calm[0])


def test_a_loss_scaler_comes_back_with_its_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scalers: list[torch.amp.GradScaler] = []
    _with_scaler(monkeypatch, scalers)
    never, expected = _train(tmp_path / "calm", "fp32", _alone())
    assert scalers[0].get_scale() == 8.0 * 2 ** (STEPS // 4)
    with pytest.raises(Killed):
        _train(tmp_path / "died", "fp32", DiesWaiting(base=1))
    mine, losses = _train(tmp_path / "died", "fp32", _alone())
    assert [scaler.get_scale() for scaler in scalers] == [64.0, 16.0, 64.0]
    assert losses == expected
    assert _same(_everything(mine, tmp_path / "died"), _everything(never, tmp_path / "calm"))
    assert "scaler.pt" in _everything(mine, tmp_path / "died")
