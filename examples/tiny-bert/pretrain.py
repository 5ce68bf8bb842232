"""Make the embedded model `shoal/tiny-bert` again, from nothing but this repository; takes a few minutes.

    python examples/tiny-bert/pretrain.py --out FOLDER

The text is made up by the project's own generator: film reviews without their stars. The tokenizer is byte-level, so no
text is unknown to it. The model learns two things at once, and nothing of any label: to guess masked words, and to tell
from its pooled output which words a text has, rare ones above all. One thread and one seed: the same machine and the
same torch make the same bytes.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import torch
from click import echo
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForPreTraining, PreTrainedTokenizerFast

from shoal_node.data.reviews import balanced_reviews

SEED: Final = 20240607
REVIEWS: Final = 24_000
VOCABULARY: Final = 1024
SPECIALS: Final = ("[PAD]", "[CLS]", "[SEP]", "[MASK]")
TOKENS_MAX: Final = 128
TRAINED_TOKENS: Final = 64
WIDTH: Final = 64
BATCH: Final = 48
STEPS: Final = 4000
LEARNING_RATE: Final = 3e-3
WARM_UP: Final = 100
MASKED: Final = 0.2
SHOWN_AS_MASK: Final = 0.9
TEXTS_LEAST: Final = 5


def tokenizer_of(texts: list[str]) -> PreTrainedTokenizerFast:
    """A byte-level vocabulary learned from these texts: what it does not know as a whole it spells."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=list(SPECIALS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=TOKENS_MAX,
    )


def model_of(tokenizer: PreTrainedTokenizerFast) -> BertForPreTraining:
    """A BERT small enough for a laptop's lunch break; its pooler begins as a passage for what it gets."""
    model = BertForPreTraining(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=2 * WIDTH,
            max_position_embeddings=TOKENS_MAX,
            pad_token_id=tokenizer.pad_token_id,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )
    with torch.no_grad():
        model.bert.pooler.dense.weight.copy_(torch.eye(WIDTH))
        model.bert.pooler.dense.bias.zero_()
    return model


class Lessons:
    """Batches without end, always the same ones."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> None:
        read = tokenizer(texts, truncation=True, max_length=TRAINED_TOKENS, padding="max_length", return_tensors="np")
        self._ids, self._present = read["input_ids"], read["attention_mask"]
        self._mask, self._chance = tokenizer.mask_token_id, np.random.default_rng(SEED)
        self._worth = torch.from_numpy(_worth(self._ids, len(tokenizer)))

    def next(self) -> dict[str, torch.Tensor]:
        """Some texts with some of their words masked, what these words are, and which words each text has."""
        rows = self._chance.integers(len(self._ids), size=BATCH)
        width = int(self._present[rows].sum(axis=1).max())
        words = self._ids[rows, :width]
        is_hidden = (self._chance.random(words.shape) < MASKED) & (words >= len(SPECIALS))
        is_shown = self._chance.random(words.shape) >= SHOWN_AS_MASK
        truth = torch.from_numpy(words)
        bag = torch.zeros(BATCH, len(self._worth)).scatter_(1, truth, 1.0) * self._worth
        return {
            "input_ids": torch.from_numpy(np.where(is_hidden & ~is_shown, self._mask, words)),
            "attention_mask": torch.from_numpy(self._present[rows, :width]),
            "is_hidden": torch.from_numpy(is_hidden),
            "truth": truth,
            "bag": bag / bag.sum(dim=1, keepdim=True),
        }


def _worth(ids: np.ndarray, words: int) -> np.ndarray:
    """How much it tells of a text that it has a word: nothing if all have it, or hardly any."""
    texts = np.zeros(words)
    for row in ids:
        texts[np.unique(row)] += 1
    worth = np.log(len(ids) / (1 + texts)).clip(0) ** 2
    worth[: len(SPECIALS)] = worth[texts < TEXTS_LEAST] = 0.0
    return worth.astype(np.float32)


def pretrain(model: BertForPreTraining, lessons: Lessons, steps: int) -> None:
    """Guess until it gets good at it."""
    teller = torch.nn.Linear(model.config.hidden_size, model.config.vocab_size)
    weights = [*model.parameters(), *teller.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=0.01)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / WARM_UP, max(0.01, 1 - step / steps))
    )
    model.train()
    for step in range(steps):
        lesson = lessons.next()
        seen = model.bert(lesson["input_ids"], lesson["attention_mask"])
        is_hidden = lesson["is_hidden"]
        guesses = model.cls.predictions(seen.last_hidden_state[is_hidden])
        guessing = torch.nn.functional.cross_entropy(guesses, lesson["truth"][is_hidden])
        telling = torch.nn.functional.cross_entropy(teller(seen.pooler_output), lesson["bag"])
        (guessing + telling).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
        if step % max(1, steps // 10) == 0 or step == steps - 1:
            echo(f"step {step + 1:5} of {steps}: masked words {guessing.item():.3f}, words {telling.item():.3f}")


def main() -> None:
    """Train and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the model's files go")
    parser.add_argument("--steps", type=int, default=STEPS, help="fewer are quicker and worse")
    given = parser.parse_args()
    out: Path = given.out
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    texts = [review.text for review in balanced_reviews(np.random.default_rng(SEED), REVIEWS)]
    tokenizer = tokenizer_of(texts)
    model = model_of(tokenizer)
    echo(f"{sum(weight.numel() for weight in model.parameters())} weights, {len(tokenizer)} words")
    pretrain(model, Lessons(tokenizer, texts), given.steps)
    tokenizer.save_pretrained(out)
    model.config.architectures = ["BertForPreTraining"]
    model.config.save_pretrained(out)
    weights = {name: weight.half().contiguous() for name, weight in model.bert.state_dict(prefix="bert.").items()}
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    echo(f"{sum(file.stat().st_size for file in out.iterdir()) / 2**20:.2f} MiB in {out}")


if __name__ == "__main__":
    main()
