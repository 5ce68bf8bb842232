"""Write a result: `adapter/`, which is equal on all nodes byte for byte, and `metrics.json`, which is a node's own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shoal_node.adapter.folder import adapter_files
from shoal_node.models.folders import TOKENIZER_FILES
from shoal_node.recipes.text_classification import Job
from shoal_node.results.files import write_whole
from shoal_node.results.origin import NAME, Origin
from shoal_node.rounds.exchange import Over

ADAPTER: Final = "adapter"
METRICS: Final = "metrics.json"
LEDGER: Final = "ledger.jsonl"
CARD: Final = "README.md"


def write_result(out: Path, job: Job, over: Over, model_folder: Path) -> Path:
    """The adapter's folder with all that belongs to it; returns it."""
    origin = Origin.of(job, over.round)
    files = adapter_files(job.model, over.merged, job.task.model.name)
    files |= {NAME: origin.to_bytes(), CARD: card(job, origin).encode()}
    files |= {name: (model_folder / name).read_bytes() for name in TOKENIZER_FILES if (model_folder / name).is_file()}
    if over.ledger:
        files[LEDGER] = over.ledger
    for name, content in files.items():
        write_whole(out / ADAPTER / name, content)
    return out / ADAPTER


def write_metrics(out: Path, found: Mapping[str, object]) -> None:
    """How good this node found every adapter, and whatever else only this node knows of its training."""
    write_whole(out / METRICS, (json.dumps(found, indent=2) + "\n").encode())


def card(job: Job, origin: Origin) -> str:
    """The model card: what this is, how it came to be, and how to use it. Says nothing that only one node knows."""
    task = job.task
    merge = task.swarm.merge
    return f"""---
base_model: {task.model.name}
library_name: peft
pipeline_tag: text-classification
tags: [lora, shoal]
---

# {task.name}

A LoRA adapter for {task.model.name}, trained by up to {task.swarm.nodes} nodes together with Shoal. Their data stayed
at home; what they merged were adapters, {origin.round} rounds of them (weigh: {merge.weigh}, combine: {merge.combine},
codec: {task.swarm.codec}).

* Reads a text of up to {origin.max_length} tokens, answers with one of: {", ".join(origin.labels)}.
* LoRA of rank {task.lora.r}, alpha {task.lora.alpha:g}; learning rate {task.train.learning_rate:g}, batches of \
{task.train.batch_size}, {task.train.precision}, seed {task.train.seed}.
* `{NAME}` names base model, tokenizer and labels by hash; `{LEDGER}`, where there is one, is the history of the run.

```
shoal predict FOLDER "text"
```

or, with PEFT alone:

```python
from peft import PeftModel
from transformers import AutoModelForSequenceClassification

base = AutoModelForSequenceClassification.from_pretrained(BASE, num_labels={len(origin.labels)})
model = PeftModel.from_pretrained(base, FOLDER)
```

What the training data were like only their owners know; measure the adapter on your own before you rely on it.
"""
