"""Models of a few thousand weights, made on the spot: a BERT, and a GPT-2 whose weights lie the other way round."""

from collections.abc import Mapping
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, GPT2Config, GPT2ForSequenceClassification

from shoal_node.adapter.folder import adapter_files
from shoal_node.adapter.sites import Sites

WORDS = 50


def bert(seed: int = 0, width: int = 16) -> BertForSequenceClassification:
    """A base with a fresh head."""
    torch.manual_seed(seed)
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=WORDS,
            hidden_size=width,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=16,
            num_labels=3,
        )
    )


def gpt2(seed: int = 0) -> GPT2ForSequenceClassification:
    """A base whose Conv1D layers keep weights as inputs by outputs."""
    torch.manual_seed(seed)
    return GPT2ForSequenceClassification(
        GPT2Config(vocab_size=WORDS, n_positions=16, n_embd=16, n_layer=1, n_head=2, num_labels=3, pad_token_id=0)
    )


def adapted(base: nn.Module, seed: int = 1, **choices: object) -> PeftModel:
    """With an adapter whose pairs are not zero."""
    usual = {"task_type": TaskType.SEQ_CLS, "r": 4, "lora_alpha": 12, "target_modules": ["query", "value"]}
    torch.manual_seed(seed)
    model = get_peft_model(base, LoraConfig(**{**usual, **choices}))
    assert isinstance(model, PeftModel)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.requires_grad and ("lora_B" in name or "lora_embedding" in name or "bias" in name):
                weight.normal_(std=0.3)
    return model


def logits(model: nn.Module) -> torch.Tensor:
    """What a model makes of two texts."""
    model.eval()
    with torch.inference_mode():
        return model(input_ids=torch.tensor([[1, 2, 3, 4], [5, 6, 7, 0]])).logits


def written(model: PeftModel, folder: Path) -> Path:
    """The adapter of a model as a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    put(folder, adapter_files(model, Sites.of(model).read(), "base"))
    return folder


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Files with these contents."""
    for name, content in files.items():
        (folder / name).write_bytes(content)


def weights(model: nn.Module) -> dict[str, bytes]:
    """Every weight of a model, to see whether one has changed."""
    return {name: weight.detach().numpy().tobytes() for name, weight in model.named_parameters()}
