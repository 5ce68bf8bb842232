"""SwarmCallback refuses in words whatever would quietly train beside the swarm."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers import TrainerControl, TrainerState

from shoal_base.errors import InputRefused
from shoal_node import SwarmCallback
from shoal_node.rounds.in_process import Alone
from tests.learning.workbench import job, task

USUAL = {"load_best_model_at_end": False, "save_only_model": False, "world_size": 1}


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"load_best_model_at_end": True}, "one node's old work in the swarm's place"),
        ({"save_only_model": True}, "forgets the optimizer"),
        ({"world_size": 2}, "has 2 processes"),
    ],
)
def test_arguments_that_do_not_go_with_a_swarm_are_refused(odd: dict[str, object], said: str) -> None:
    arguments = SimpleNamespace(**{**USUAL, **odd})
    callback = SwarmCallback(sync_every=2, exchange=Alone(1, 2))
    model = job(task()).model
    with pytest.raises(InputRefused, match=said):
        callback.on_train_begin(arguments, TrainerState(), TrainerControl(), model=model)  # type: ignore[arg-type]


def test_a_model_that_is_trained_whole_is_refused(tmp_path: Path) -> None:
    mine = job(task())
    trainer = mine.trainer(tmp_path, [SwarmCallback(sync_every=2, exchange=Alone(1, 2))])
    trainer.model = mine.model.unload()
    with pytest.raises(InputRefused, match="A BertForSequenceClassification is trained whole"):
        trainer.train()


def test_an_adapter_that_could_not_travel_stops_training_before_its_first_step(tmp_path: Path) -> None:
    mine = job(task())
    next(one for name, one in mine.model.named_parameters() if "pooler" in name).requires_grad_(True)
    trainer = mine.trainer(tmp_path, [SwarmCallback(sync_every=2, exchange=Alone(1, 2))])
    with pytest.raises(InputRefused, match=r"pooler.* would never travel"):
        trainer.train()
    assert trainer.state.global_step == 0
