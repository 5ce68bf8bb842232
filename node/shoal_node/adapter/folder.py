"""An adapter as the folder that PEFT loads, in one encoding: equal adapters are equal bytes on every node.

The weights are canonical factors with the scaling taken out of B again, under the names that PEFT gives them, sorted;
the configuration is JSON with sorted keys and without what differs between machines. Reading goes the same way back
and checks everything first: PEFT itself would leave a missing tensor as it was, pass over an unknown one, and load a
NaN, all in silence.
"""

import json
from collections import Counter
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
_SCALES: Final = "scales"
"""What B was divided by, beside the weights: PEFT multiplies with whatever the configuration says today."""
_LENGTH_BYTES: Final = 8
"""A safetensors file begins with the length of its header, which is filled up to a multiple of these."""
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
    metadata = {"format": "pt", _SCALES: _told_scales(sites)}
    return _in_one_order(save({PREFIX + name: tensors[name] for name in sorted(tensors)}, metadata=metadata))


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
    tensors, scales = _read(folder / WEIGHTS)
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
    _must_scale(sites, scales, folder)
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


def _in_one_order(content: bytes) -> bytes:
    """A safetensors file with its header sorted; the library writes metadata in an order that chance decides."""
    ends = _header_ends(content)
    header = json.dumps(json.loads(content[_LENGTH_BYTES:ends]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % _LENGTH_BYTES)
    return len(header).to_bytes(_LENGTH_BYTES, "little") + header + content[ends:]


def _header_ends(content: bytes) -> int:
    return _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")


def _told_scales(sites: Sites) -> str:
    """The usual one under no name, and what differs from it by module."""
    usual = Counter(site.scale for site in sites.modules).most_common(1)[0][0]
    return json.dumps({"": usual, **{one.name: one.scale for one in sites.modules if one.scale != usual}})


def _must_scale(sites: Sites, scales: Mapping[str, float] | None, folder: Path) -> None:
    """Refuse weights that were divided by something else; an adapter of somebody else's does not tell."""
    if scales is None:
        return
    for site in sites.modules:
        told = scales.get(site.name, scales.get(""))
        if told != site.scale:
            raise AdapterRefused(
                site.name,
                f"{site.name} in {folder} was written for a scaling of {told} and would be used with {site.scale:g}: "
                f"its {CONFIG} says another alpha, rank or rsLoRA than its weights. Fetch both files again.",
            )


def _read(path: Path) -> tuple[Mapping[str, Floats], Mapping[str, float] | None]:
    """The tensors, and what their pairs are scaled by if that is told."""
    try:
        content = path.read_bytes()
        found = load(content)
        told = json.loads(content[_LENGTH_BYTES : _header_ends(content)]).get("__metadata__", {})
        scales = dict(json.loads(told[_SCALES])) if _SCALES in told else None
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
    return {name.removeprefix(PREFIX): value.to(torch.float32).numpy() for name, value in found.items()}, scales


def _plain(value: object) -> object:
    """Sets have no order of their own; everything else that JSON does not know has a name."""
    return sorted(value) if isinstance(value, set | frozenset) else str(value)
