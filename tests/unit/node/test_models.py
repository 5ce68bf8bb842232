"""Base models come from folders that are there and whole; what nodes would make up by chance is refused."""

from pathlib import Path

import pytest
import torch

from shoal_base.errors import InputRefused
from shoal_node.data.labels import Labels
from shoal_node.models.classifier import load_base, load_tokenizer, with_adapter
from shoal_node.models.folders import model_digest, model_folder, tokenizer_digest
from shoal_swarm.spec.task import Lora
from tests.learning.workbench import job, task
from tests.unit.node.small_models import bert, gpt2

LABELS = Labels(("bad", "fair", "good"))
EMBEDDED = model_folder("shoal/tiny-bert", {})


def _saved(model: object, folder: Path) -> Path:
    model.save_pretrained(folder)  # type: ignore[attr-defined]
    load_tokenizer(EMBEDDED).save_pretrained(folder)
    return folder


def test_a_model_is_looked_for_where_the_profile_says_then_at_home_then_in_the_package(tmp_path: Path) -> None:
    mapped, home = _saved(bert(), tmp_path / "mapped"), tmp_path / "home"
    _saved(bert(), home / "some/bert")
    assert model_folder("some/bert", {"some/bert": mapped}, home) == mapped
    assert model_folder("some/bert", {}, home) == home / "some/bert"
    assert model_folder("shoal/tiny-bert", {}, home) == EMBEDDED
    with pytest.raises(InputRefused, match=r"The model some/other is not on this machine.*map it to its folder"):
        model_folder("some/other", {}, home)


@pytest.mark.parametrize("base", [bert, gpt2])
def test_a_model_from_a_folder_gets_an_adapter_and_a_head_for_the_labels(base: object, tmp_path: Path) -> None:
    folder = _saved(base(), tmp_path)  # type: ignore[operator]
    model = with_adapter(load_base(folder, LABELS, seed=4), Lora(r=2), "some/model")
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert any("lora_A" in name for name in trained)
    assert any("classifier" in name or "score" in name for name in trained)
    assert model.config.id2label == {0: "bad", 1: "fair", 2: "good"}


def test_the_head_is_the_seeds_and_everything_else_the_folders(tmp_path: Path) -> None:
    folder = _saved(bert().bert, tmp_path)
    one, same, other = (load_base(folder, LABELS, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert {name.partition(".")[0] for name in one if not torch.equal(one[name], other[name])} == {"classifier"}


def test_a_base_that_lacks_a_tensor_is_refused_by_its_name(tmp_path: Path) -> None:
    model = bert()
    state = {name: weight for name, weight in model.state_dict().items() if "layer.1.output.dense.weight" not in name}
    model.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(InputRefused, match=r"has no bert\.encoder\.layer\.1\.output\.dense\.weight"):
        load_base(tmp_path, LABELS, 0)


def test_weights_that_can_hold_code_are_not_read(tmp_path: Path) -> None:
    _saved(bert(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(bert().state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(InputRefused, match="weights in other formats can hold code"):
        model_digest(tmp_path)
    with pytest.raises(InputRefused, match="holds no model that can be loaded"):
        load_base(tmp_path, LABELS, 0)


def test_another_weight_or_vocabulary_is_another_digest(tmp_path: Path) -> None:
    one, other = _saved(bert(seed=1), tmp_path / "one"), _saved(bert(seed=2), tmp_path / "other")
    assert model_digest(one) != model_digest(other)
    assert tokenizer_digest(one) == tokenizer_digest(other)
    (other / "tokenizer_config.json").write_text("{}")
    assert tokenizer_digest(one) != tokenizer_digest(other)


def test_texts_longer_than_the_model_can_read_are_refused_before_training() -> None:
    wanted = task("max_steps: 2").model_copy(deep=True)
    long = wanted.train.model_copy(update={"max_length": 4096})
    with pytest.raises(InputRefused, match=r"train\.max_length: 4096 is more than the 128 tokens"):
        job(wanted.model_copy(update={"train": long}))


def test_targets_that_the_model_lacks_are_refused(tmp_path: Path) -> None:
    base = load_base(_saved(bert(), tmp_path), LABELS, 0)
    with pytest.raises(InputRefused, match=r"lora\.targets: .*wings.* does not fit some/bert"):
        with_adapter(base, Lora(targets=("wings",)), "some/bert")
