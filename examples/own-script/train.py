"""Fine-tune a classifier on a CSV file of one's own; with two lines of Shoal in it, together with others."""

import csv
import sys
from pathlib import Path

from peft import LoraConfig, TaskType, get_peft_model
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    set_seed,
)

from shoal_node import SwarmCallback, newest_checkpoint
from shoal_node.models.folders import model_folder

data, out = sys.argv[1:]
base = model_folder("shoal/tiny-bert", {})  # or any folder or name that from_pretrained takes
set_seed(7)  # the same on all nodes: round 0 shares whatever is drawn here, but equal heads are a good beginning
tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=5)
model = get_peft_model(model, LoraConfig(task_type=TaskType.SEQ_CLS, r=8, target_modules=["query", "value"]))

with Path(data).open(newline="") as file:
    rows = list(csv.DictReader(file))
examples = [{**tokenizer(row["text"], truncation=True), "labels": int(row["stars"]) - 1} for row in rows]

trainer = Trainer(
    model=model,
    args=TrainingArguments(out, max_steps=24, learning_rate=1e-2, per_device_train_batch_size=32, report_to="none"),
    train_dataset=examples,
    data_collator=DataCollatorWithPadding(tokenizer),
    processing_class=tokenizer,
    callbacks=[SwarmCallback(sync_every=8)],
)
trainer.train(resume_from_checkpoint=newest_checkpoint(out))
