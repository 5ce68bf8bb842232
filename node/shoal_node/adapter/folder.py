"""An adapter as the folder that PEFT loads, in one encoding: equal adapters are equal bytes on every node.

The weights are canonical factors with the scaling taken out of B again, under the names that PEFT gives them, sorted;
the configuration is JSON with sorted keys and without what differs between machines. Reading goes the same way back
and checks everything first: PEFT itself would leave a missing tensor as it was, pass over an unknown one, and load a
NaN, all in silence.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from peft import LoraConfig, PeftModel
from safetensors import SafetensorError
from safetensors.numpy import save
from safetensors.torch import load
from transformers import PreTrainedModel

from shoal_base.errors import InputRefused, PlaceRefused
from shoal_node.adapter.refusals import AdapterRefused
from shoal_node.adapter.sites import ADAPTER, PREFIX, Floats, Sites
from shoal_swarm.merge import Adapter, Pair

WEIGHTS: Final = "adapter_model.safetensors"
CONFIG: Final = "adapter_config.json"
_METADATA: Final = {"format": "pt"}
_OF_THIS_MACHINE: Final = ("peft_version", "auto_mapping", "runtime_config")
"""What PEFT notes about the installation that wrote a folder."""


def adapter_files(model: PeftModel, adapter: Adapter, base_name: str) -> dict[str, bytes]:
    """Names and contents of the files; `base_name` is what the folder calls its base model."""
    return {WEIGHTS: weights_bytes(Sites.of(model), adapter), CONFIG: config_bytes(model, base_name)}


def weights_bytes(sites: Sites, adapter: Adapter) -> bytes:
    """The tensors as PEFT names them."""
    tensors: dict[str, Floats] = {name: np.ascontiguousarray(value) for name, value in adapter.dense.items()}
    for site in sites.modules:
        pair = adapter.pairs[site.name]
        tensors[site.keys[0]] = np.ascontiguousarray(pair.a, dtype=np.float32)
        tensors[site.keys[1]] = np.ascontiguousarray(pair.b / np.float32(site.scale), dtype=np.float32)
    return save({PREFIX + name: tensors[name] for name in sorted(tensors)}, metadata=_METADATA)


def config_bytes(model: PeftModel, base_name: str) -> bytes:
    """PEFT's own configuration, in one spelling."""
    told: dict[str, Any] = model.peft_config[ADAPTER].to_dict()
    for name in _OF_THIS_MACHINE:
        told.pop(name, None)
    told |= {"base_model_name_or_path": base_name, "inference_mode": True}
    return (json.dumps(told, indent=2, sort_keys=True, default=_plain) + "\n").encode()


def read_adapter(model: PeftModel, folder: Path) -> Adapter:
    """The adapter in a folder, if it fits this model in every tensor."""
    sites = Sites.of(model)
    tensors = _tensors(folder / WEIGHTS)
    wanted = _wanted(sites)
    for name in sorted(wanted.keys() - tensors.keys()):
        raise AdapterRefused(name, f"{folder} has no {name}, which this model needs. It is of another model or task.")
    for name in sorted(tensors.keys() - wanted.keys()):
        raise AdapterRefused(name, f"{folder} has {name}, which this model has no place for. It is of another model.")
    for name, shape in wanted.items():
        if tensors[name].shape != shape:
            raise AdapterRefused(
                name,
                f"{name} in {folder} has shape {list(tensors[name].shape)}, and this model has {list(shape)}. Load it "
                "into the model and with the rank that it was trained with.",
            )
        if not np.isfinite(tensors[name]).all():
            raise AdapterRefused(name, f"{name} in {folder} holds a NaN or an infinity. Fetch the adapter again.")
    pairs = {
        site.name: Pair(tensors[site.keys[1]] * np.float32(site.scale), tensors[site.keys[0]]) for site in sites.modules
    }
    return Adapter(pairs, {name: tensors[name] for name in sites.dense})


def adapted(base: PreTrainedModel, folder: Path) -> PeftModel:
    """A base model with the adapter in a folder around it."""
    path = folder / CONFIG
    if not path.is_file():
        raise PlaceRefused(f"{path} is not there. Name a folder with an adapter.")
    try:
        kind = json.loads(path.read_bytes())["peft_type"]
        model = PeftModel(base, LoraConfig.from_pretrained(str(folder))) if kind == "LORA" else None
    except Exception as problem:  # there is no end to what PEFT raises on a strange configuration
        raise InputRefused(f"{path} makes no adapter for this model: {problem!r}. Fetch the folder again.") from problem
    if model is None:
        raise InputRefused(f"{path} is of a kind {kind}, and only LORA is read here. Name another folder.")
    load_adapter(model, folder)
    return model


def load_adapter(model: PeftModel, folder: Path) -> None:
    """Put the adapter in a folder into this model."""
    Sites.of(model).write(read_adapter(model, folder))


def _wanted(sites: Sites) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {name: tuple(one.shape) for name, one in sites.dense.items()}
    for site in sites.modules:
        shapes[site.keys[0]], shapes[site.keys[1]] = tuple(site.a.shape), tuple(site.b.shape)
    return dict(sorted(shapes.items()))


def _tensors(path: Path) -> Mapping[str, Floats]:
    try:
        found = load(path.read_bytes())
    except OSError as problem:
        raise PlaceRefused(f"{path} cannot be read: {problem.strerror}. Name a folder with an adapter.") from problem
    except (SafetensorError, ValueError, KeyError, TypeError) as problem:
        raise AdapterRefused(
            WEIGHTS, f"{path} is no safetensors file: {problem}. Fetch the adapter again."
        ) from problem
    odd = sorted(name for name in found if not name.startswith(PREFIX))
    if odd:
        raise AdapterRefused(odd[0], f"{odd[0]} in {path} is no tensor of an adapter: those begin with {PREFIX}.")
    for name, value in found.items():
        if not value.is_floating_point():
            raise AdapterRefused(name, f"{name} in {path} is {value.dtype}: an adapter is numbers with fractions.")
    return {name.removeprefix(PREFIX): value.to(torch.float32).numpy() for name, value in found.items()}


def _plain(value: object) -> object:
    """Sets have no order of their own; everything else that JSON does not know has a name."""
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
