"""A base model from a folder, with a head for the task's labels and an adapter around it.

Whatever is frozen must be equal on all nodes, so it must come from the folder: a layer that the folder lacks would
be made up by chance on every node. Only the head may be made up, because it is trained and travels; the seed makes it
the same everywhere, so it does not matter whose first adapter is taken.
"""

import warnings
from pathlib import Path
from typing import Final

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from shoal_base.errors import InputRefused
from shoal_node.data.labels import Labels
from shoal_swarm.spec.task import Lora

HEADS: Final = ("classifier", "score")
"""What the heads of sequence classifiers are called."""


def load_base(folder: Path, labels: Labels, seed: int) -> PreTrainedModel:
    """The base with a fresh head, in float32."""
    config = _configured(folder, labels)
    torch.manual_seed(seed)
    try:
        model, found = AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError) as problem:
        raise InputRefused(f"{folder} holds no model that can be loaded: {problem}. Fetch it again.") from problem
    absent = sorted(name for name in found["missing_keys"] if name.partition(".")[0] not in HEADS)
    if absent:
        raise InputRefused(
            f"{folder} has no {absent[0]}, and {len(absent)} tensors of the base are missing in all. They would be "
            "made up by chance on every node. Choose a model that has them."
        )
    return model  # type: ignore[no-any-return]


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a base model; one that can pad."""
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as problem:
        raise InputRefused(f"{folder} holds no tokenizer that can be loaded: {problem}. Fetch it again.") from problem
    if tokenizer.pad_token_id is None:
        raise InputRefused(f"The tokenizer in {folder} has no token to fill up with. Name a pad_token in its folder.")
    return tokenizer


def with_adapter(base: PreTrainedModel, lora: Lora, name: str) -> PeftModel:
    """The base, frozen, with a fresh adapter and its trained head around it."""
    targets = None if lora.targets == "auto" else list(lora.targets)
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=lora.r,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # a fraction is as good
        lora_dropout=lora.dropout,
        bias=lora.bias,
        target_modules=targets,
    )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "fan_in_fan_out is set to")  # PEFT finds out by itself, and says so
            model = get_peft_model(base, config)
    except ValueError as problem:
        raise InputRefused(f"lora.targets: {lora.targets} does not fit {name}: {problem}") from problem
    assert isinstance(model, PeftModel), "only mixed adapters make another kind"
    return model


def _configured(folder: Path, labels: Labels) -> PretrainedConfig:
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(
            folder,
            local_files_only=True,
            num_labels=len(labels.names),
            id2label=dict(enumerate(labels.names)),
            label2id={name: number for number, name in enumerate(labels.names)},
        )
    except (OSError, ValueError) as problem:
        raise InputRefused(
            f"{folder} holds no configuration that can be loaded: {problem}. Fetch it again."
        ) from problem
    return config
