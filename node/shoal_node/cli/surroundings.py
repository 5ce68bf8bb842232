"""What the libraries of learning must know before they are imported."""

import os
import warnings
from collections.abc import Mapping
from typing import Final

_SURROUNDINGS: Final[Mapping[str, str]] = {
    "HF_HUB_OFFLINE": "1",  # a trainer has no network, and must not wait for one
    "TRANSFORMERS_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}


def quieten() -> None:
    """No network, no bars of theirs, and no warnings that are for the authors of other libraries."""
    os.environ.update(_SURROUNDINGS)
    warnings.simplefilter("ignore", FutureWarning)
