"""One node with an exact codec is plain training, loss for loss and bit for bit, whatever the length of its rounds."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from shoal_base.errors import InputRefused
from shoal_node import SwarmCallback
from shoal_node.adapter.folder import weights_bytes
from shoal_node.adapter.sites import Sites
from shoal_node.recipes.text_classification import Job, losses
from shoal_node.rounds.exchange import Over
from shoal_node.rounds.in_process import Alone, InProcess, Member
from shoal_swarm.spec.run import RunConfig
from tests.learning.workbench import job, reviews, task

LengthsAndSteps = [("max_steps: 6", 2), ("max_steps: 7", 3), ("max_steps: 5", 1)]


def _weights(trained: Job, over: Over | None = None) -> bytes:
    sites = Sites.of(trained.model)
    return weights_bytes(sites, over.merged if over else sites.read())


def _live(trained: Job) -> list[torch.Tensor]:
    """Every parameter as it is in memory, the scaling not yet in it."""
    return list(trained.model.parameters())


def _plain(train: str, sync_every: int, folder: Path) -> tuple[Job, list[Mapping[str, float]]]:
    mine = job(task(train, f"sync_every: {sync_every}, codec: fp32"))
    trainer = mine.trainer(folder)
    trainer.train()
    return mine, losses(trainer)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("train", "sync_every"), LengthsAndSteps)
def test_a_swarm_of_one_is_plain_training(train: str, sync_every: int, precision: str, tmp_path: Path) -> None:
    train = f"{train}, precision: {precision}"
    plain, expected = _plain(train, sync_every, tmp_path / "plain")
    wanted = task(train, f"sync_every: {sync_every}, codec: fp32")
    swarm = InProcess(RunConfig.of_task(wanted).plan(), wanted.rounds, sync_every, ["only"])
    mine = job(wanted)

    def take_part(_node: str, member: Member) -> tuple[list[Mapping[str, float]], Over]:
        trained = mine.train(member, tmp_path / "swarm")
        return list(trained.losses), trained.over

    found, over = swarm.run(take_part)["only"]
    assert found == expected
    assert len(found) >= len(expected) > 0
    assert _weights(mine) == _weights(plain) == _weights(mine, over)
    assert all(torch.equal(one, other) for one, other in zip(_live(mine), _live(plain), strict=True))


def test_the_last_short_round_is_merged(tmp_path: Path) -> None:
    alone = Alone(rounds=4, sync_every=2)
    trained = job(task("max_steps: 7")).train(alone, tmp_path)
    assert trained.over.round == 4
    assert [one.round for one in alone.measures if one.is_merged] == [0, 1, 2, 3, 4]
    assert [one.round for one in alone.measures if not one.is_merged] == [0, 1, 2, 3]
    assert set(alone.measures[0].metrics) == {"accuracy", "f1", "loss"}


def test_epochs_are_divided_over_the_rounds_and_all_of_them_trained(tmp_path: Path) -> None:
    mine = job(task("epochs: 2", "rounds: 3, codec: fp32"), reviews(examples=37))
    trained = mine.train(Alone(rounds=3, sync_every=16), tmp_path)
    steps_per_epoch = -(-37 // 8)
    assert trained.over.round == 3
    plain = job(task("epochs: 2", "rounds: 3, codec: fp32"), reviews(examples=37))
    trainer = plain.trainer(tmp_path / "plain")
    trainer.train()
    assert trainer.state.global_step == 2 * steps_per_epoch
    assert _weights(plain) == _weights(mine)


def test_nodes_of_one_process_end_with_the_same_bytes(tmp_path: Path) -> None:
    wanted = task("max_steps: 4", "sync_every: 2, codec: int8", nodes=3)
    nodes = ["a", "b", "c"]
    swarm = InProcess(RunConfig.of_task(wanted).plan(), wanted.rounds, 2, nodes)

    def take_part(node: str, member: Member) -> bytes:
        mine = job(wanted, reviews(nodes.index(node)))
        over = mine.train(member, tmp_path / node).over
        return _weights(mine, over)

    results = set(swarm.run(take_part).values())
    assert len(results) == 1
    assert len({one.metrics["accuracy"] for node in nodes for one in swarm.measures[node] if not one.is_merged}) > 1


@pytest.mark.parametrize("stars", ["0", "6", "5.5", "five", ""])
def test_a_label_that_the_task_does_not_know_is_refused_with_its_row(stars: str) -> None:
    rows = reviews(examples=3)
    rows.rows[1]["stars"] = stars
    with pytest.raises(InputRefused, match=r"made-up\.csv.*row 2"):
        job(task(), rows)


def test_fp16_without_a_gpu_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"fp16 needs a GPU.*Choose bf16 or fp32"):
        job(task("max_steps: 2, precision: fp16")).trainer(tmp_path)


def test_a_misspelt_argument_of_the_callback_is_an_error() -> None:
    with pytest.raises(TypeError, match="sync_evry"):
        SwarmCallback(sync_evry=16)
    with pytest.raises(InputRefused, match="sync_every=0"):
        SwarmCallback(sync_every=0)


def test_a_callback_without_a_peer_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOAL_LINK", raising=False)
    trainer = job(task()).trainer(tmp_path, [SwarmCallback(sync_every=2)])
    with pytest.raises(InputRefused, match="SHOAL_LINK is not set"):
        trainer.train()


def test_trackers_are_on_only_for_who_asks(tmp_path: Path) -> None:
    assert job(task()).trainer(tmp_path).args.report_to == []
