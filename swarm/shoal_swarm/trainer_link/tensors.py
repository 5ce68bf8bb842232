"""Adapters as files: safetensors with one name for each tensor, whole or not there, checked by digest.

A pair is two tensors, `pair/<module>/a` and `pair/<module>/b`; a dense tensor is `dense/<tensor>`.
"""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

import numpy as np
from blake3 import blake3
from safetensors import SafetensorError
from safetensors.numpy import load, save

from shoal_base.errors import PeerRefused, PlaceRefused
from shoal_swarm.merge import Adapter, AdapterSpec, Pair, admit
from shoal_swarm.trainer_link.messages import TensorFile
from shoal_swarm.trainer_link.places import FILES

_PAIR, _DENSE, _A, _B = "pair/", "dense/", "/a", "/b"
_FLOAT: Final = np.float32


def write_adapter(folder: Path, name: str, adapter: Adapter) -> TensorFile:
    """Put an adapter into the folder of a link under this name."""
    return write_file(folder, name, adapter_bytes(adapter))


def write_file(folder: Path, name: str, content: bytes) -> TensorFile:
    """Put any content there: written beside its name, synced and renamed, so that nobody ever reads half of it."""
    path = folder / FILES / name
    fresh = path.with_name(path.name + ".part")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except OSError as problem:
        raise PlaceRefused(f"{path} cannot be written: {problem.strerror}. Free some space.") from problem
    return TensorFile(name=name, digest=blake3(content).digest())


def read_file(folder: Path, file: TensorFile) -> bytes:
    """A file of the link; refused if it is not what its digest says."""
    path = folder / FILES / file.name
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise PlaceRefused(f"{path} cannot be read: {problem.strerror}. Start trainer and peer again.") from problem
    if blake3(content).digest() != file.digest:
        raise PeerRefused(f"{path} is not what was announced: its digest differs. It must be written again.")
    return content


def drop_files(folder: Path, beginnings: tuple[str, ...], keep: Collection[str]) -> None:
    """Delete what one side wrote under names that begin so, except what still counts."""
    for path in (folder / FILES).iterdir():
        if path.name.startswith(beginnings) and path.name not in keep:
            path.unlink(missing_ok=True)


def read_adapter(folder: Path, file: TensorFile, spec: AdapterSpec) -> Adapter:
    """An adapter that fits its description; what is missing, unknown, misshapen or not finite is named."""
    adapter = adapter_from(read_file(folder, file))
    admit(adapter, spec)
    return adapter


def adapter_bytes(adapter: Adapter) -> bytes:
    """The one encoding of an adapter as a file; equal adapters are equal bytes."""
    tensors = {f"{_DENSE}{name}": np.ascontiguousarray(value) for name, value in adapter.dense.items()}
    for name, pair in adapter.pairs.items():
        tensors[f"{_PAIR}{name}{_A}"] = np.ascontiguousarray(pair.a)
        tensors[f"{_PAIR}{name}{_B}"] = np.ascontiguousarray(pair.b)
    return save(dict(sorted(tensors.items())))


def adapter_from(content: bytes) -> Adapter:
    """The adapter in such a file; whether it fits a run is `admit`'s question."""
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as problem:
        raise PeerRefused(f"These {len(content)} bytes are no safetensors file: {problem}.") from problem
    dense = {name.removeprefix(_DENSE): value for name, value in tensors.items() if name.startswith(_DENSE)}
    factors = {name: value for name, value in tensors.items() if name.startswith(_PAIR)}
    pairs = {}
    for name in sorted(factors):
        module, half = name.removeprefix(_PAIR)[: -len(_A)], name[-len(_A) :]
        other = f"{_PAIR}{module}{_A if half == _B else _B}"
        if half not in (_A, _B) or other not in factors:
            raise PeerRefused(f"{name} has no counterpart: a pair needs both {_A[1:]} and {_B[1:]}.")
        pairs[module] = Pair(factors[f"{_PAIR}{module}{_B}"], factors[f"{_PAIR}{module}{_A}"])
    odd = sorted(name for name in tensors if not name.startswith((_PAIR, _DENSE)))
    if odd:
        raise PeerRefused(f"{odd[0]} is no tensor of an adapter: names begin with {_PAIR} or {_DENSE}.")
    return Adapter(pairs, dense)
