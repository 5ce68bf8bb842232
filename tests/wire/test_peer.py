"""Guards `shoal peer`: the commands that the README shows work as they stand, and mistakes get sentences."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from shoal_base.errors import InputRefused
from shoal_swarm.peer.cli import DEFAULT_PORT, address_of, peer
from tests.parties import Town
from tests.wire.conftest import SHOAL, start_echo

README = Path(__file__).parents[2] / "README.md"


def _commands() -> list[str]:
    section = README.read_text().partition("## Try the wire")[2].partition("\n## ")[0]
    return [line.removeprefix("$ ") for line in section.splitlines() if line.startswith("$ ")]


def test_the_readme_needs_at_most_five_commands() -> None:
    assert 1 <= len(_commands()) <= 5


def _is_taken(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("default_ports")
async def test_the_readme_works_as_written(tmp_path: Path) -> None:
    if _is_taken(DEFAULT_PORT):
        pytest.skip(f"something else listens on {DEFAULT_PORT} here")
    script = ["set -e", *_commands()]
    listening = next(at for at, line in enumerate(script) if line.endswith("&"))
    waits = f"while ! (: < /dev/tcp/127.0.0.1/{DEFAULT_PORT}) 2>/dev/null; do sleep 0.1; done"
    script.insert(listening + 1, f"listener=$!; trap 'kill $listener; wait $listener' EXIT; {waits}")
    places = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", "\n".join(script), cwd=tmp_path, env={**os.environ, "PATH": places},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert "the same" in out.decode()
    assert "noise: 104857600 of 104857600 bytes" in errors.decode()


async def test_with_json_the_sender_answers_with_one_object(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "small"
    file.write_bytes(b"shoal")
    receiver, port = await start_echo(town.files("ben"), tmp_path / "in")
    ana = town.files("ana")
    options = ["--key", str(ana.key), "--cert", str(ana.cert), "--capath", str(ana.capath), "--json"]
    sender = await asyncio.create_subprocess_exec(
        *SHOAL, "peer", "--send", str(file), "--to", f"127.0.0.1:{port}", "--expect", "ben", *options,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await sender.communicate()
    receiver.send_signal(signal.SIGTERM)
    assert await receiver.wait() == 0
    said = json.loads(out)
    assert said["bytes"] == 5
    assert (tmp_path / "in" / said["content"]).read_bytes() == b"shoal"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "give --echo, or --send FILE"),
        (["--echo", "--send", "file"], "give --echo, or --send FILE"),
        (["--echo"], "--echo needs --into"),
        (["--send", "file"], "--send needs --to"),
        (["--echo", "--into", "in", "--listen", "nowhere"], "write HOST:PORT"),
    ],
)
def test_a_mistake_gets_a_sentence(options: list[str], said: str) -> None:
    keys = ["--key", "k", "--cert", "c", "--capath", "d"]
    result = CliRunner().invoke(peer, [*options, *keys])
    assert isinstance(result.exception, InputRefused)
    assert said in str(result.exception)


def test_an_address_is_a_host_and_a_port() -> None:
    assert address_of("example.org:1") == ("example.org", 1)
    assert address_of("[::1]:30306") == ("::1", 30306)
    for bad in ("example.org", ":1", "example.org:x", "example.org:65536"):
        with pytest.raises(InputRefused):
            address_of(bad)
