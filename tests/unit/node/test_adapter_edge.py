"""What PEFT trains travels as pairs and comes back unchanged, whatever scaling, pattern, orientation or head it has."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import KasaConfig, PeftModel, TaskType
from safetensors.numpy import load
from torch import nn

from shoal_node.adapter import AdapterRefused, Sites
from shoal_node.adapter.folder import CONFIG, WEIGHTS, load_adapter, weights_bytes
from shoal_node.adapter.sites import PREFIX
from shoal_swarm.merge import Adapter, MergeRefused, Pair
from tests.unit.node.small_models import adapted, bert, gpt2, logits, put, weights, written

GPT2 = {"target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True, "modules_to_save": ["score"]}
KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "plain": (bert, {}),
    "rsLoRA": (bert, {"use_rslora": True}),
    "patterns of rank and alpha": (
        bert,
        {"rank_pattern": {"0.attention.self.query": 2}, "alpha_pattern": {"1.attention.self.value": 3}},
    ),
    "no head": (bert, {"task_type": None}),
    "biases": (bert, {"bias": "lora_only", "target_modules": ["query", "dense"]}),
    "all biases": (bert, {"bias": "all"}),
    "embeddings": (bert, {"target_modules": ["query", "word_embeddings"]}),
    "words of its own": (bert, {"trainable_token_indices": [1, 2]}),
    "another layer whole": (bert, {"modules_to_save": ["classifier", "pooler"]}),
    "every linear layer": (bert, {"target_modules": "all-linear"}),
    "DoRA": (bert, {"use_dora": True}),
    "Conv1D": (gpt2, GPT2),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[Any, dict[str, Any]]:
    """A base and what its adapter is like."""
    return KINDS[request.param]


def test_a_pair_is_the_change_that_the_model_makes() -> None:
    for use_rslora, scale in ((False, 12 / 4), (True, 12 / 4**0.5)):
        model = adapted(bert(), use_rslora=use_rslora)
        layer = model.base_model.model.bert.encoder.layer[0].attention.self.query
        pair = Sites.of(model).read().pairs["bert.encoder.layer.0.attention.self.query"]
        change = layer.get_delta_weight("default").detach().numpy()
        assert np.allclose(pair.b @ pair.a, change, atol=1e-6)
        assert layer.scaling["default"] == pytest.approx(scale)


def test_what_is_written_into_another_model_makes_it_the_same(kind: tuple[Any, dict[str, Any]]) -> None:
    base, choices = kind
    one, other = adapted(base(), seed=1, **choices), adapted(base(), seed=2, **choices)
    assert not torch.allclose(logits(one), logits(other))
    Sites.of(other).write(Sites.of(one).read())
    assert torch.allclose(logits(one), logits(other), atol=1e-5)
    first, second = Sites.of(one).read(), Sites.of(other).read()
    assert all(np.allclose(first.pairs[name].b, pair.b, rtol=1e-6) for name, pair in second.pairs.items())
    assert all(np.array_equal(first.dense[name], value) for name, value in second.dense.items())


@pytest.mark.parametrize("alpha", [7, 10.5, 12, 32])
def test_writing_what_was_read_changes_no_bit(kind: tuple[Any, dict[str, Any]], alpha: float) -> None:
    base, choices = kind
    model = adapted(base(), lora_alpha=alpha, **choices)
    before = weights(model)
    Sites.of(model).write(Sites.of(model).read())
    assert weights(model) == before


def test_a_folder_is_loaded_by_peft_itself(kind: tuple[Any, dict[str, Any]], tmp_path: Path) -> None:
    base, choices = kind
    model = adapted(base(), **choices)
    loaded = PeftModel.from_pretrained(base(), str(written(model, tmp_path)))
    assert torch.allclose(logits(model), logits(loaded), atol=1e-5)


def test_equal_adapters_are_equal_files(tmp_path: Path) -> None:
    one, other = adapted(bert(), seed=1), adapted(bert(), seed=2)
    load_adapter(other, written(one, tmp_path / "one"))
    written(other, tmp_path / "other")
    for name in (WEIGHTS, CONFIG):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_nodes_need_not_agree_on_alpha() -> None:
    one, other = adapted(bert(), lora_alpha=12), adapted(bert(), seed=2, lora_alpha=1)
    Sites.of(other).write(Sites.of(one).read())
    assert torch.allclose(logits(one), logits(other), atol=1e-5)


@pytest.mark.parametrize(
    ("choices", "named"),
    [
        ({"lora_bias": True}, "query"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights"),
        ({"init_lora_weights": "olora"}, "init_lora_weights"),
        ({"init_lora_weights": "orthogonal"}, "init_lora_weights"),
        ({"kasa_config": KasaConfig()}, r"query .*\(KasaLinearVariant\), which no merge knows"),
        ({"target_parameters": ["0.attention.self.query.weight"], "target_modules": []}, "weight in .*query"),
    ],
)
def test_what_could_not_be_merged_is_refused_by_name(choices: dict[str, Any], named: str) -> None:
    with pytest.raises(AdapterRefused, match=named):
        Sites.of(adapted(bert(), **choices))


def test_what_is_trained_and_would_never_travel_is_refused_by_name() -> None:
    model = adapted(bert())
    model.base_model.model.bert.pooler.dense.bias.requires_grad_(True)
    with pytest.raises(AdapterRefused, match=r"pooler\.dense\.bias is trained but is no part of the adapter"):
        Sites.of(model)


def test_a_convolution_is_refused_by_name() -> None:
    class Seeing(nn.Module):
        """A model with a convolution."""

        def __init__(self) -> None:
            super().__init__()
            self.eye = nn.Conv2d(1, 2, 2)

    with pytest.raises(AdapterRefused, match="eye is a convolution"):
        Sites.of(adapted(Seeing(), task_type=None, target_modules=["eye"]))


def _wrong(adapter: Adapter, what: str) -> tuple[Adapter, str]:
    """An adapter that is wrong in one respect, and what the refusal must name."""
    pairs, dense = dict(adapter.pairs), dict(adapter.dense)
    name, head = min(pairs), min(dense)
    pair = pairs[name]
    match what:
        case "missing pair":
            del pairs[name]
        case "missing head":
            del dense[head]
            return Adapter(pairs, dense), head
        case "extra pair":
            pairs["elsewhere"] = pair
            return Adapter(pairs, dense), "elsewhere"
        case "renamed pair":
            pairs["elsewhere"] = pairs.pop(name)
        case "NaN":
            b = pair.b.copy()
            b[0, 0] = np.nan
            pairs[name] = Pair(b, pair.a)
        case "infinity in the head":
            dense[head] = np.full_like(dense[head], np.inf)
            return Adapter(pairs, dense), head
        case "another rank":
            pairs[name] = Pair(pair.b[:, :2], pair.a[:2])
        case "another width":
            pairs[name] = Pair(pair.b, pair.a[:, :8])
        case "a head of another shape":
            dense[head] = dense[head][..., :1]
            return Adapter(pairs, dense), head
    return Adapter(pairs, dense), name


WRONG = (
    "missing pair", "missing head", "extra pair", "renamed pair", "NaN", "infinity in the head", "another rank",
    "another width", "a head of another shape",
)  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_adapter_never_gets_into_a_model(what: str) -> None:
    model = adapted(bert())
    sites = Sites.of(model)
    wrong, named = _wrong(sites.read(), what)
    before = weights(model)
    with pytest.raises(MergeRefused, match=named):
        sites.write(wrong)
    assert weights(model) == before


def test_a_model_that_is_not_finite_hands_nothing_out() -> None:
    model = adapted(bert())
    with torch.no_grad():
        next(weight for name, weight in model.named_parameters() if "lora_A" in name)[0, 0] = float("nan")
    with pytest.raises(MergeRefused, match="query"):
        Sites.of(model).read()


def test_an_adapter_of_another_task_type_still_has_its_head(tmp_path: Path) -> None:
    model = adapted(bert(), task_type=TaskType.SEQ_CLS)
    folder = written(model, tmp_path)
    assert "classifier" in (folder / CONFIG).read_text()
    put(folder, {})
    assert [name for name in Sites.of(model).dense if "classifier" in name]


def test_an_adapter_has_one_encoding_whatever_chance_decides() -> None:
    model = adapted(bert(), alpha_pattern={"layer.1.attention.self.value": 4})
    sites = Sites.of(model)
    found = {weights_bytes(sites, sites.read()) for _ in range(32)}
    assert len(found) == 1
    content = found.pop()
    assert load(content).keys() == {f"{PREFIX}{name}" for site in sites.modules for name in site.keys} | {
        f"{PREFIX}{name}" for name in sites.dense
    }
    assert content[:8] == (int.from_bytes(content[:8], "little") // 8 * 8).to_bytes(8, "little")
