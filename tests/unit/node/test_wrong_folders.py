"""Every kind of wrong adapter folder is refused with the name of the tensor, and changes nothing in the model."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.numpy import load, save
from safetensors.torch import load_file, save_file

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_node.adapter import AdapterRefused
from shoal_node.adapter import folder as folders
from shoal_node.adapter.folder import CONFIG, WEIGHTS, load_adapter
from tests.unit.node.small_models import adapted, bert, logits, weights, written

Tensors = dict[str, np.ndarray]
QUERY = "base_model.model.bert.encoder.layer.0.attention.self.query"
A, B = f"{QUERY}.lora_A.weight", f"{QUERY}.lora_B.weight"


def _without(name: str) -> Callable[[Tensors], None]:
    return lambda tensors: tensors.__delitem__(name)


def _changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Tensors], None]:
    return lambda tensors: tensors.update({name: np.ascontiguousarray(change(tensors[name]))})


def _renamed(old: str, new: str) -> Callable[[Tensors], None]:
    return lambda tensors: tensors.update({new: tensors.pop(old)})


def _with_nan(value: np.ndarray) -> np.ndarray:
    value = value.copy()
    value.flat[3] = np.nan
    return value


WRONGS: dict[str, tuple[Callable[[Tensors], None], str]] = {
    "missing": (_without(A), "lora_A"),
    "missing head": (_without("base_model.model.classifier.weight"), "classifier"),
    "extra": (lambda tensors: tensors.update({f"{QUERY}2.lora_A.weight": tensors[A]}), "query2"),
    "renamed": (_renamed(B, f"{QUERY}.lora_C.weight"), "lora_B"),
    "not of an adapter": (lambda tensors: tensors.update({"stray": tensors[A]}), "stray"),
    "NaN": (_changed(A, _with_nan), "lora_A"),
    "infinite": (_changed(B, lambda value: value * np.inf), "lora_B"),
    "wrong rank": (_changed(A, lambda value: value[:2]), "lora_A"),
    "transposed": (_changed(B, lambda value: value.T), "lora_B"),
    "whole numbers": (_changed(A, lambda value: value.astype(np.int32)), "lora_A"),
}


@pytest.fixture
def model() -> PeftModel:
    """The model that a folder is loaded into."""
    return adapted(bert(), seed=2)


@pytest.mark.parametrize("what", WRONGS)
def test_a_folder_with_a_wrong_tensor_is_refused_by_its_name(what: str, model: PeftModel, tmp_path: Path) -> None:
    change, named = WRONGS[what]
    folder = written(adapted(bert(), seed=1), tmp_path)
    tensors = load((folder / WEIGHTS).read_bytes())
    change(tensors)
    (folder / WEIGHTS).write_bytes(save(tensors, metadata={"format": "pt"}))
    before = weights(model)
    with pytest.raises(AdapterRefused, match=named) as refusal:
        load_adapter(model, folder)
    assert named in refusal.value.tensor
    assert weights(model) == before


@pytest.mark.parametrize(("width", "r"), [(32, 4), (16, 8)], ids=["other base model", "other rank"])
def test_an_adapter_of_another_model_is_refused_by_a_tensor(
    width: int, r: int, model: PeftModel, tmp_path: Path
) -> None:
    folder = written(adapted(bert(width=width), r=r), tmp_path)
    before = weights(model)
    with pytest.raises(AdapterRefused, match=r"has shape \[.*\], and this model has \["):
        load_adapter(model, folder)
    assert weights(model) == before


@pytest.mark.parametrize("cut", [0, 7, 100, -1])
def test_half_a_file_is_refused(cut: int, model: PeftModel, tmp_path: Path) -> None:
    folder = written(adapted(bert()), tmp_path)
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:cut])
    with pytest.raises(AdapterRefused, match="is no safetensors file"):
        load_adapter(model, folder)


def test_a_folder_without_weights_is_refused(model: PeftModel, tmp_path: Path) -> None:
    with pytest.raises(PlaceRefused, match="cannot be read"):
        load_adapter(model, tmp_path)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(torch.float64, 1e300), (torch.int8, 1), (torch.bool, 1), (torch.complex64, 1), (torch.float16, float("nan"))],
)
def test_numbers_that_are_no_float32_are_refused(
    dtype: torch.dtype, value: float, model: PeftModel, tmp_path: Path
) -> None:
    folder = written(adapted(bert()), tmp_path)
    tensors = load_file(folder / WEIGHTS)
    tensors[A] = torch.full_like(tensors[A], value, dtype=dtype)
    save_file(tensors, folder / WEIGHTS)
    before = weights(model)
    with pytest.raises(AdapterRefused, match=r"query\.lora_A\.weight in .* (holds a NaN or an infinity|is torch)"):
        load_adapter(model, folder)
    assert weights(model) == before


def test_an_adapter_for_another_scaling_is_refused(tmp_path: Path) -> None:
    folder = written(adapted(bert(), lora_alpha=8), tmp_path)
    other = adapted(bert(), lora_alpha=4)
    before = weights(other)
    with pytest.raises(AdapterRefused, match=r"written for a scaling of 2\.0 and would be used with 1"):
        load_adapter(other, folder)
    assert weights(other) == before


@pytest.mark.parametrize("told", ["[]", "7", "{", '{"": "much"}', "{}"])
def test_a_scaling_that_is_none_is_refused(told: str, model: PeftModel, tmp_path: Path) -> None:
    folder = written(adapted(bert()), tmp_path)
    (folder / WEIGHTS).write_bytes(save(load((folder / WEIGHTS).read_bytes()), metadata={"scales": told}))
    with pytest.raises(AdapterRefused):
        load_adapter(model, folder)


def test_half_the_precision_is_read(model: PeftModel, tmp_path: Path) -> None:
    right = adapted(bert(), seed=1)
    folder = written(right, tmp_path)
    save_file({name: one.bfloat16() for name, one in load_file(folder / WEIGHTS).items()}, folder / WEIGHTS)
    load_adapter(model, folder)
    assert torch.allclose(logits(model), logits(right), atol=0.05)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"r": "four"}, "makes no adapter"),
        ({"target_modules": ["nothing"]}, "makes no adapter"),
        ({"peft_type": "OTHER"}, "of a kind OTHER"),
        ({"peft_type": "LOHA"}, "of a kind LOHA"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights='pissa' is refused"),
        ({"lora_alpha": 16}, r"layer\.0.*query in .* written for a scaling of 3\.0 and would be used with 4"),
        ({"use_rslora": True}, r"written for a scaling of 3\.0 and would be used with 6"),
        ({"alpha_pattern": {"layer.1.attention.self.value": 4}}, r"layer\.1\.attention\.self\.value in .* with 1"),
        ({"r": 2}, r"has shape \[4, 16\], and this model has \[2, 16\]"),
        ({"modules_to_save": []}, r"has classifier\.bias, which this model has no place for"),
    ],
)
def test_a_folder_with_an_odd_configuration_is_refused(change: dict[str, object], said: str, tmp_path: Path) -> None:
    folder = written(adapted(bert()), tmp_path)
    told = {**json.loads((folder / CONFIG).read_text()), "task_type": None, **change}
    (folder / CONFIG).write_text(json.dumps(told))
    with pytest.raises(InputRefused, match=said):
        folders.adapted(bert(), folder)


@pytest.mark.parametrize("content", ["", "{oh", "[]", "7"])
def test_a_configuration_that_is_none_is_refused(content: str, tmp_path: Path) -> None:
    folder = written(adapted(bert()), tmp_path)
    (folder / CONFIG).write_text(content)
    with pytest.raises(InputRefused, match="makes no adapter"):
        folders.adapted(bert(), folder)
    (folder / CONFIG).unlink()
    with pytest.raises(PlaceRefused, match="is not there"):
        folders.adapted(bert(), folder)


def test_a_right_folder_goes_around_a_fresh_base(tmp_path: Path) -> None:
    right = adapted(bert(), seed=1)
    assert torch.allclose(logits(folders.adapted(bert(), written(right, tmp_path))), logits(right), atol=1e-5)


def test_a_right_folder_changes_the_model(model: PeftModel, tmp_path: Path) -> None:
    right = adapted(bert(), seed=1)
    load_adapter(model, written(right, tmp_path))
    assert torch.allclose(logits(model), logits(right), atol=1e-5)
