"""What a script of one's own need not say: where its peer is, what it trains, and where the result goes.

    SHOAL_LINK=FOLDER python train.py

The folder is the one that its peer was given with --link. A script has no task to compare; so what it trains (the
shape of its adapter, the base model's weights, the tokenizer, the labels) is described by what is there, and nodes that
differ in any of these are told so when they join.
"""

import json
import os
import time
from pathlib import Path
from typing import Any, Final

import blake3
import torch
from peft import PeftModel
from torch import nn

from shoal_base.errors import InputRefused, Unavailable
from shoal_node.adapter import Sites
from shoal_node.adapter.folder import adapter_files
from shoal_node.results.files import write_whole
from shoal_node.rounds.exchange import Fit, Over
from shoal_node.rounds.peer_exchange import PATIENCE_S, PeerExchange
from shoal_swarm.trainer_link.places import LinkNote, noted_run

VARIABLE: Final = "SHOAL_LINK"
_PAUSE_S: Final = 0.1


def own_exchange() -> tuple[PeerExchange, LinkNote]:
    """The exchange with the peer that SHOAL_LINK names, as soon as it is there, and what it takes part in."""
    place = os.environ.get(VARIABLE)
    if not place:
        raise InputRefused(
            f"This script has no peer: {VARIABLE} is not set. Start `shoal peer --own-script ... --link FOLDER`, and "
            f"this script with {VARIABLE}=FOLDER."
        )
    deadline = time.monotonic() + PATIENCE_S
    while (note := noted_run(Path(place))) is None:
        if time.monotonic() > deadline:
            raise Unavailable(f"No peer came to {place} within {PATIENCE_S:g} s. Start it, and this script again.")
        time.sleep(_PAUSE_S)
    return PeerExchange(Path(place), bytes.fromhex(note.config)), note


def described(model: PeftModel, sites: Sites, tokenizer: object, examples: int) -> Fit:
    """What a script trains, by what is there."""
    labels = getattr(model.config, "id2label", None) or {}
    return Fit(
        adapter=sites.spec,
        base_model=_base_digest(model, sites),
        tokenizer=_digest("tokenizer", _vocabulary(tokenizer)),
        labels=_digest("labels", json.dumps({str(name): labels[name] for name in sorted(labels)}).encode()),
        examples=examples,
    )


def write_own_result(folder: Path, model: PeftModel, over: Over) -> Path:
    """The swarm's adapter as the folder that PEFT loads, the same bytes on every node; returns it."""
    base = str(getattr(model.config, "_name_or_path", "") or "base")
    files = {**adapter_files(model, over.merged, Path(base).name), "ledger.jsonl": over.ledger}
    for name, content in files.items():
        write_whole(folder / "adapter" / name, content)
    return folder / "adapter"


def _base_digest(model: nn.Module, sites: Sites) -> bytes:
    """Over every weight that is not trained, by name."""
    trained = {id(one) for site in sites.modules for one in (site.a, site.b)} | {
        id(one) for one in sites.dense.values()
    }
    whole = blake3.blake3(derive_key_context="shoal base weights v1")
    for name, weight in sorted(model.named_parameters()):
        if id(weight) not in trained and "modules_to_save" not in name and "lora_" not in name:
            whole.update(name.encode())
            whole.update(weight.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return whole.digest()


def _vocabulary(tokenizer: Any) -> bytes:  # noqa: ANN401 - whatever the script gave its Trainer
    words = tokenizer.get_vocab() if hasattr(tokenizer, "get_vocab") else {}
    return json.dumps(words, sort_keys=True).encode()


def _digest(what: str, content: bytes) -> bytes:
    return blake3.blake3(content, derive_key_context=f"shoal {what} of a script v1").digest()
