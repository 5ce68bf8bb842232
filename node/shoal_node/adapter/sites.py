"""What a live PEFT model trains, as the pairs and tensors that travel.

PEFT computes W x + s B A x. A (rank by columns) and B (rows by rank) are parameters; the scaling s is not among them:
it is alpha / r, or alpha / √r with rsLoRA, and patterns may change both from module to module. What travels is the
pair (s B, A), whose product is the change itself, so nodes need not agree on alpha. On the way back B is divided by
the node's own s.

Orientation: the pair is the same whether the base keeps its weight as rows by columns (Linear) or the other way round
(Conv1D of GPT-2, `fan_in_fan_out`), because PEFT turns the product and never the factors. An embedding's change is
(B A)ᵀ; its pair is (B, A) all the same.

Everything else that PEFT saves with an adapter is dense: heads (`modules_to_save`), biases, DoRA's magnitudes. What
is trained and not saved would stay at home in silence, so it is refused by name; what PEFT offers and this edge does
not know is refused too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import torch
from peft import PeftModel, get_peft_model_state_dict
from peft.tuners.lora.layer import LoraLayer, ParamWrapper, _ConvNd
from peft.tuners.lora.variants import DoraLinearVariant
from torch import nn

from shoal_node.adapter.refusals import AdapterRefused
from shoal_swarm.merge import Adapter, AdapterSpec, DenseSpec, ModuleSpec, Pair, admit

ADAPTER: Final = "default"
PREFIX: Final = "base_model.model."
"""PEFT's wrapping, the same for every model; names that travel go without it."""

_FACTOR_WORDS: Final = ("lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B")
_ALLOWED_INITS: Final = (True, "gaussian")
Tensors: TypeAlias = Mapping[str, torch.Tensor]
Floats: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """One LoRA module of a live model."""

    name: str
    a: nn.Parameter
    b: nn.Parameter
    scale: float
    keys: tuple[str, str]
    """What PEFT calls A and B in an adapter folder, without its wrapping."""

    @property
    def spec(self) -> ModuleSpec:
        """Its shape."""
        return ModuleSpec(self.name, rows=self.b.shape[0], columns=self.a.shape[1], rank=self.a.shape[0])

    def read(self) -> Pair:
        """The change that it makes now."""
        return Pair(_floats(self.b) * np.float32(self.scale), _floats(self.a))

    def write(self, pair: Pair) -> None:
        """Make this change from now on. A B that makes it already stays bit for bit: s B / s need not be B."""
        if not np.array_equal(pair.b, self.read().b):
            _put(self.b, np.asarray(pair.b, dtype=np.float32) / np.float32(self.scale))
        _put(self.a, pair.a)


@dataclass(frozen=True, slots=True, eq=False)
class Sites:
    """All that a live model trains."""

    modules: tuple[Site, ...]
    dense: Mapping[str, nn.Parameter]

    @staticmethod
    def of(model: PeftModel) -> "Sites":
        """Find everything; refuse what could not travel."""
        config = model.peft_config[ADAPTER]
        init = getattr(config, "init_lora_weights", True)
        if init not in _ALLOWED_INITS:
            raise AdapterRefused(
                "init_lora_weights",
                f"init_lora_weights={init!r} is refused: many beginnings change the base model too, and bases must "
                f"stay equal. Choose {' or '.join(map(repr, _ALLOWED_INITS))}.",
            )
        modules = tuple(sorted(_sites(model), key=lambda site: site.name))
        factors = {id(one) for site in modules for one in (site.a, site.b)}
        dense = _dense(model, factors)
        known = factors | {id(one) for one in dense.values()}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and id(parameter) not in known:
                raise AdapterRefused(
                    name,
                    f"{name} is trained but is no part of the adapter, so it would never travel. Freeze it, or name "
                    "its module in modules_to_save.",
                )
        return Sites(modules, dense)

    @property
    def spec(self) -> AdapterSpec:
        """What adapters of this model look like."""
        tensors = (DenseSpec(name, tuple(one.shape)) for name, one in self.dense.items())
        return AdapterSpec.of((site.spec for site in self.modules), tensors)

    def read(self) -> Adapter:
        """The adapter as it is now, in float32; checked, so that nothing that is not finite ever leaves."""
        adapter = Adapter(
            {site.name: site.read() for site in self.modules},
            {name: _floats(one) for name, one in self.dense.items()},
        )
        admit(adapter, self.spec)
        return adapter

    def write(self, adapter: Adapter) -> None:
        """Become this adapter; a missing, unknown, misshapen or not finite tensor is refused and nothing changed."""
        admit(adapter, self.spec)
        for site in self.modules:
            site.write(adapter.pairs[site.name])
        for name, one in self.dense.items():
            _put(one, adapter.dense[name])


def _sites(model: PeftModel) -> Iterator[Site]:
    for path, module in model.named_modules():
        if not isinstance(module, LoraLayer) or ADAPTER not in module.scaling:
            continue
        name = path.removeprefix(PREFIX)
        if isinstance(module, _ConvNd):
            raise AdapterRefused(name, f"{name} is a convolution, which has no pair of matrices. Take it from targets.")
        if isinstance(module, ParamWrapper):
            raise AdapterRefused(
                module.parameter_name,
                f"{module.parameter_name} in {name} is a bare parameter, which may hold many matrices in one. Name "
                "modules in target_modules, and nothing in target_parameters.",
            )
        if not isinstance(variant := module.lora_variant.get(ADAPTER), DoraLinearVariant | None):
            raise AdapterRefused(
                name,
                f"{name} computes something else than W + s B A ({type(variant).__name__}), which no merge knows. "
                "Choose plain LoRA, rsLoRA or DoRA.",
            )
        if module.lora_bias.get(ADAPTER):
            raise AdapterRefused(name, f"{name} has a bias on its B, which no merge knows. Set lora_bias to false.")
        if ADAPTER in module.lora_embedding_A:
            a, b = module.lora_embedding_A[ADAPTER], module.lora_embedding_B[ADAPTER]
            keys = (f"{name}.lora_embedding_A", f"{name}.lora_embedding_B")
        else:
            a, b = module.lora_A[ADAPTER].weight, module.lora_B[ADAPTER].weight
            keys = (f"{name}.lora_A.weight", f"{name}.lora_B.weight")
        yield Site(name, a, b, float(module.scaling[ADAPTER]), keys)


def _dense(model: PeftModel, factors: set[int]) -> dict[str, nn.Parameter]:
    """What PEFT saves beside the factors, by the names it saves them under."""
    places = {(one.data_ptr(), tuple(one.shape)): one for one in model.parameters()}
    found: dict[str, nn.Parameter] = {}
    for key, tensor in sorted(saved_tensors(model).items()):
        parameter = places.get((tensor.data_ptr(), tuple(tensor.shape)))
        if parameter is None:
            raise AdapterRefused(key, f"{key} is saved with the adapter but is no parameter. Take it from targets.")
        if id(parameter) in factors:
            continue
        if any(word in key for word in _FACTOR_WORDS):
            raise AdapterRefused(key, f"{key} belongs to no LoRA module that can be merged. Take it from targets.")
        found[key] = parameter
    return found


def saved_tensors(model: PeftModel) -> dict[str, torch.Tensor]:
    """What PEFT would write to a folder, without its wrapping; the tensors are the live ones."""
    tensors = get_peft_model_state_dict(model, adapter_name=ADAPTER, save_embedding_layers=False)
    return {key.removeprefix(PREFIX): tensor for key, tensor in tensors.items()}


def _floats(parameter: torch.Tensor) -> Floats:
    """A copy: what travels must not change as training goes on."""
    return parameter.detach().to(device="cpu", dtype=torch.float32, copy=True).numpy()


def _put(parameter: nn.Parameter, values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> None:
    fresh = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
    with torch.no_grad():
        parameter.copy_(fresh)
