"""Folders of base models and their digests. Nothing is ever downloaded here: a trainer has no network.

The digest of a model is over its weights and its configuration, that of a tokenizer over the files that make one; both
by name and content, so a node with another revision is told so when it joins and not when it disagrees.
"""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import blake3
import msgspec

from shoal_base.errors import InputRefused, PlaceRefused

EMBEDDED: Final[Mapping[str, str]] = {"shoal/tiny-bert": "tiny_bert"}
"""Models that come with this package, and the folders in which they lie."""
MODEL_CONTEXT: Final = "shoal base model v1"
TOKENIZER_CONTEXT: Final = "shoal tokenizer v1"
WEIGHTS_SUFFIX: Final = ".safetensors"
CONFIG: Final = "config.json"
TOKENIZER_FILES: Final = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "vocab.txt", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "chat_template.jinja",
)  # fmt: skip


def model_folder(name: str, mapped: Mapping[str, Path], home: Path | None = None) -> Path:
    """Where a model lies: as the profile maps it, in the home's `models`, or in this package."""
    places = [mapped[name]] if name in mapped else []
    if home is not None:
        places.append(home / name)
    if name in EMBEDDED:
        places.append(Path(str(files("shoal_node.models") / EMBEDDED[name])))
    for place in places:
        if (place / CONFIG).is_file():
            return place
    looked = f" Looked in {', '.join(map(str, places))}." if places else ""
    raise InputRefused(
        f"The model {name} is not on this machine.{looked} Put its files there, or map it to its folder in the "
        "profile's `models`."
    )


def model_digest(folder: Path) -> bytes:
    """32 bytes for weights and configuration."""
    weights = [path for path in folder.iterdir() if path.suffix == WEIGHTS_SUFFIX]
    if not weights:
        raise InputRefused(
            f"{folder} has no {WEIGHTS_SUFFIX} file: weights in other formats can hold code and are not read. Convert "
            "them."
        )
    return _digest(MODEL_CONTEXT, [folder / CONFIG, *weights])


def tokenizer_digest(folder: Path) -> bytes:
    """32 bytes for the tokenizer."""
    found = [folder / name for name in TOKENIZER_FILES if (folder / name).is_file()]
    if not found:
        raise InputRefused(f"{folder} has no tokenizer: none of {', '.join(TOKENIZER_FILES)} is there.")
    return _digest(TOKENIZER_CONTEXT, found)


def _digest(context: str, paths: Iterable[Path]) -> bytes:
    """Over names and contents, in the order of the names."""
    listed = []
    for path in sorted(paths):
        whole = blake3.blake3(max_threads=blake3.blake3.AUTO)
        try:
            whole.update_mmap(path)
        except OSError as problem:
            raise PlaceRefused(f"{path} cannot be read: {problem.strerror}.") from problem
        listed.append((path.name, whole.hexdigest()))
    return blake3.blake3(msgspec.json.encode(listed), derive_key_context=context).digest()
