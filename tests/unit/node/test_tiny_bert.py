"""The embedded model is small, knows every text, and its script makes it again byte for byte."""

import subprocess
import sys
from pathlib import Path

import pytest

from shoal_node.models.classifier import load_tokenizer
from shoal_node.models.folders import model_folder
from tests.architecture.repository import ROOT

EMBEDDED = model_folder("shoal/tiny-bert", {})
SCRIPT = ROOT / "examples/tiny-bert/pretrain.py"
SIZE_MAX = 4 << 20
ANY_TEXT = ("A fine film.", "Ünïcödé", "片子", "🎬🍿", "\x00\x01", "zzzxq")


def test_the_embedded_model_is_small() -> None:
    assert sum(path.stat().st_size for path in EMBEDDED.iterdir()) <= SIZE_MAX


@pytest.mark.parametrize("text", ANY_TEXT)
def test_no_text_is_unknown_to_its_tokenizer(text: str) -> None:
    tokenizer = load_tokenizer(EMBEDDED)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids).strip() == text.strip()


@pytest.mark.full
def test_the_script_makes_the_same_bytes_again(tmp_path: Path) -> None:
    for name in ("one", "other"):
        command = [sys.executable, str(SCRIPT), "--steps", "2", "--out", str(tmp_path / name)]
        subprocess.run(command, check=True, capture_output=True)
    one, other = ({path.name: path.read_bytes() for path in (tmp_path / n).iterdir()} for n in ("one", "other"))
    assert one == other
    assert set(one) == {path.name for path in EMBEDDED.iterdir()}
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json"):
        assert one[name] == (EMBEDDED / name).read_bytes()
