"""The recipe `text-classification`: a BERT-like base, an adapter, a table of texts with labels.

build(task, sources)      reads data and model and says how they fit
job.train(...)            runs the Trainer, from the newest whole checkpoint if there is one
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import torch
from peft import PeftModel
from transformers import (
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from shoal_base.errors import InputRefused
from shoal_node.adapter import Sites
from shoal_node.data.labels import Labels
from shoal_node.data.tables import Table
from shoal_node.models.classifier import load_base, load_tokenizer, with_adapter
from shoal_node.models.folders import model_digest, tokenizer_digest
from shoal_node.recipes.examples import Examples
from shoal_node.recipes.metrics import measure
from shoal_node.rounds.callback import SwarmCallback
from shoal_node.rounds.checkpoints import newest_checkpoint
from shoal_node.rounds.exchange import Exchange, Fit, Over
from shoal_node.rounds.participant import EverySteps, OverRounds, Pace
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.spec.task import Task

MEASURED_AT_ONCE: Final = 128
CHECKPOINTS_KEPT: Final = 2
"""One may be half written when the process dies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a task's names lead on this host."""

    model: Path
    train: Sequence[Table]
    """One table, or those of several nodes to be pooled."""
    test: Table


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """What came of a job."""

    over: Over
    losses: Sequence[Mapping[str, float]]
    """Step and mean loss since the one before, also of starts before this one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """A model with its data, ready to train."""

    task: Task
    model: PeftModel
    tokenizer: PreTrainedTokenizerBase
    labels: Labels
    train_examples: Examples
    test_examples: Examples
    base_digest: bytes
    tokenizer_digest: bytes

    @property
    def pace(self) -> Pace:
        """How long rounds are."""
        task = self.task
        return EverySteps(task.sync_every) if task.train.max_steps is not None else OverRounds(task.rounds)

    def fit(self, sites: Sites) -> Fit:
        """What this node shows to others."""
        return Fit(
            adapter=sites.spec,
            base_model=self.base_digest,
            tokenizer=self.tokenizer_digest,
            labels=self.labels.digest(),
            examples=len(self.train_examples),
        )

    def fit_now(self) -> Fit:
        """The same of the model as it is, wherever it is in its life."""
        return self.fit(Sites.of(self.model))

    def measured(self) -> dict[str, float]:
        """The task's metrics of the model as it is now."""
        return measure(self.model, self.tokenizer, self.test_examples, self.task.evaluate.metrics, MEASURED_AT_ONCE)

    def train(self, exchange: Exchange, checkpoints: Path, watchers: Sequence[TrainerCallback] = ()) -> Trained:
        """Take part until the run is over, and come back with its result."""
        callback = SwarmCallback(
            sync_every=self.task.sync_every,
            exchange=exchange,
            describe=self.fit,
            measure=lambda _model: self.measured(),
            pace=self.pace,
            is_aligned=RunConfig.of_task(self.task).plan().aligns,
        )
        trainer = self.trainer(checkpoints, [callback, *watchers])
        trainer.train(resume_from_checkpoint=newest_checkpoint(checkpoints))
        assert callback.result is not None, "a trainer with a swarm behind it ends when the run is over"
        return Trained(over=callback.result, losses=losses(trainer))

    def trainer(self, checkpoints: Path, callbacks: Sequence[TrainerCallback] = ()) -> Trainer:
        """The Trainer of this task; with no callbacks it is plain training."""
        trainer = Trainer(
            model=self.model,
            args=_arguments(self.task, checkpoints),
            train_dataset=self.train_examples,
            data_collator=DataCollatorWithPadding(self.tokenizer),
            callbacks=list(callbacks),
        )
        trainer.remove_callback(PrinterCallback)
        return trainer


def losses(trainer: Trainer) -> list[Mapping[str, float]]:
    """What a Trainer has logged of its loss."""
    return [{"step": one["step"], "loss": one["loss"]} for one in trainer.state.log_history if "loss" in one]


def build(task: Task, sources: Sources) -> Job:
    """Read everything that a task needs."""
    labels = Labels(task.label_names)
    tokenizer = load_tokenizer(sources.model)
    base = load_base(sources.model, labels, task.train.seed)
    if task.train.max_length > base.config.max_position_embeddings:
        raise InputRefused(
            f"train.max_length: {task.train.max_length} is more than the {base.config.max_position_embeddings} tokens "
            f"that {task.model.name} can read. Lower it."
        )
    read: Callable[[Table], Examples] = partial(_examples, tokenizer=tokenizer, task=task, labels=labels)
    return Job(
        task=task,
        model=with_adapter(base, task.lora, task.model.name),
        tokenizer=tokenizer,
        labels=labels,
        train_examples=Examples.joined([read(table) for table in sources.train]),
        test_examples=read(sources.test),
        base_digest=model_digest(sources.model),
        tokenizer_digest=tokenizer_digest(sources.model),
    )


def _examples(table: Table, *, tokenizer: PreTrainedTokenizerBase, task: Task, labels: Labels) -> Examples:
    return Examples.of(tokenizer, table, task.data.text, task.data.label, labels, task.train.max_length)


def _arguments(task: Task, checkpoints: Path) -> TrainingArguments:
    train = task.train
    has_gpu = torch.cuda.is_available()
    if train.precision == "fp16" and not has_gpu:
        raise InputRefused("train.precision: fp16 needs a GPU, and this machine has none. Choose bf16 or fp32.")
    return TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=train.max_steps or -1,
        num_train_epochs=train.epochs or 1,
        per_device_train_batch_size=train.batch_size,
        learning_rate=train.learning_rate,
        lr_scheduler_type=train.schedule,
        warmup_steps=train.warmup_steps,
        weight_decay=train.weight_decay,
        bf16=train.precision == "bf16",
        fp16=train.precision == "fp16",
        seed=train.seed,
        data_seed=train.seed,
        save_strategy="no",  # the swarm callback asks for a checkpoint at every sync point
        save_total_limit=CHECKPOINTS_KEPT,
        logging_strategy="steps",
        logging_steps=task.sync_every,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=has_gpu,
        use_cpu=not has_gpu,
    )
