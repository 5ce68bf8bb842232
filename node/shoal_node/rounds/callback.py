"""One callback that lets any Hugging Face Trainer take part in a swarm.

    trainer = Trainer(..., callbacks=[SwarmCallback(sync_every=16)])

What happens at a sync point, in this order, and why:

    on_step_end   asks the Trainer for a checkpoint: adapter, optimizer, schedule, scaler, randomness, data position
    on_save       the checkpoint is whole: the adapter is offered, the trainer waits, and what comes is written into
                  the live parameters; the optimizer keeps its averages

So a trainer that is killed while it waits, or in the steps after, comes back to the sync point with all that it had,
offers the same bytes again, and hears where the swarm is now. Checkpoints are its only memory:
`trainer.train(resume_from_checkpoint=newest_checkpoint(output_dir))` is all that a resuming script needs.

Without an `exchange` the peer is the one that SHOAL_LINK names (own_script.py), and when the run is over the swarm's
adapter is in `adapter/` of the Trainer's output_dir.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from peft import PeftModel
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

from shoal_base.errors import InputRefused
from shoal_node.adapter import Sites
from shoal_node.rounds.exchange import Exchange, Fit, Over
from shoal_node.rounds.own_script import described, own_exchange, write_own_result
from shoal_node.rounds.participant import EverySteps, Measure, Pace, Participant, Place

_STATE: Final = "SwarmCallback"
Describe = Callable[[Sites], Fit]


class SwarmCallback(TrainerCallback, ExportableState):
    """Takes part in a swarm at every sync point of a Trainer."""

    def __init__(
        self,
        *,
        sync_every: int,
        exchange: Exchange | None = None,
        describe: Describe | None = None,
        measure: Measure | None = None,
        pace: Pace | None = None,
        is_aligned: bool = True,
    ) -> None:
        if sync_every < 1:
            raise InputRefused(f"sync_every={sync_every} is refused: there is at least one step between two rounds.")
        self._exchange, self._describe, self._measure = exchange, describe, measure
        self._pace, self._is_aligned = pace or EverySteps(sync_every), is_aligned
        self._is_own_script = exchange is None
        self._part: Participant | None = None
        self._is_due = False

    @property
    def result(self) -> Over | None:
        """What came out, once the run is over."""
        return self._part.over if self._part else None

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback."""
        place = self._part.place if self._part else Place()
        return {"args": {}, "attributes": {"base": place.base, "steps": place.steps, "wanted": place.wanted}}

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401 - transformers' signature
    ) -> None:
        """Join the swarm, from where a checkpoint left off if there is one."""
        model = kwargs["model"]
        _check(model, args)
        sites = Sites.of(model)
        if self._exchange is None:
            self._exchange, note = own_exchange()
            self._is_aligned = note.is_aligned
        if self._describe is None:
            fit = described(model, sites, kwargs.get("processing_class"), len(kwargs["train_dataloader"].dataset))
        else:
            fit = self._describe(sites)
        self._part = Participant(
            model, sites, self._exchange, self._pace, examples=fit.examples, is_aligned=self._is_aligned
        )
        self._part.measure = self._measure
        kept = cast("dict[str, Any]", state.stateful_callbacks).get(_STATE)
        if kept and state.global_step:
            self._part.place = Place(**kept["attributes"])
        self._part.begin(fit, state.global_step, state.max_steps)
        self._stop_if_over(control)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401 - transformers' signature
    ) -> None:
        """At a sync point, have everything saved first."""
        del args, kwargs
        part = self._joined()
        loss = state.log_history[-1].get("loss") if state.log_history else None
        if part.over is None and part.stepped(state.global_step, state.max_steps, loss):
            self._is_due = control.should_save = True

    def on_save(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401 - transformers' signature
    ) -> None:
        """Everything is saved: exchange."""
        del args, kwargs
        if self._is_due:
            self._is_due = False
            self._joined().sync(state.global_step, state.max_steps)
            self._stop_if_over(control)

    def _stop_if_over(self, control: TrainerControl) -> None:
        if self._joined().over is not None:
            control.should_training_stop = True

    def _joined(self) -> Participant:
        assert self._part is not None, "a Trainer begins before it steps"
        return self._part

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401 - transformers' signature
    ) -> None:
        """The model holds the swarm's adapter, also where a Trainer took a step after the run was over."""
        del state, control
        part = self._joined()
        part.settle()
        if self._is_own_script and part.over is not None:
            assert self._exchange is not None, "it was found when the training began"
            write_own_result(Path(str(args.output_dir)), kwargs["model"], part.over)
            self._exchange.done()


def _check(model: object, args: TrainingArguments) -> None:
    """Refuse what would train beside the swarm, or come back from a crash as somebody else."""
    if not isinstance(model, PeftModel):
        raise InputRefused(
            f"A {type(model).__name__} is trained whole, and only adapters travel. Wrap it with get_peft_model."
        )
    if args.load_best_model_at_end:
        raise InputRefused(
            "load_best_model_at_end=True would put one node's old work in the swarm's place. Set it to False."
        )
    if args.save_only_model:
        raise InputRefused(
            "save_only_model=True forgets the optimizer, and a restart would go on with an empty one. Set it to False."
        )
    if args.world_size > 1:
        raise InputRefused(
            f"This training has {args.world_size} processes, and a node's peer speaks to one. Drop torchrun."
        )
