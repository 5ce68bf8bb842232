"""`shoal peer`: the networked half of a node; so far its wire, to be tried by hand between two machines."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from shoal_base.command import Command, Reply
from shoal_base.errors import InputRefused
from shoal_certs.credentials import CredentialFiles
from shoal_swarm.peer.echo import echo, send
from shoal_swarm.transport.contract import Address

DEFAULT_PORT = 30306
_A_FOLDER = click.Path(path_type=Path, file_okay=False)
_A_FILE = click.Path(path_type=Path, dir_okay=False)
_PLAIN_STEPS = 10


@click.command("peer", cls=Command)
@click.option("--echo", "listens", is_flag=True, help="Take files from others and answer pings, until Ctrl-C.")
@click.option("--listen", default=f"127.0.0.1:{DEFAULT_PORT}", show_default=True, help="Where to listen, HOST:PORT.")
@click.option("--into", type=_A_FOLDER, help="Where what is received goes, each file under its BLAKE3.")
@click.option("--send", "file", type=_A_FILE, help="Send this file.")
@click.option("--to", help="Where the receiver listens, HOST:PORT.")
@click.option("--expect", help="The receiver's name; whoever else answers there gets nothing.")
@click.option("--key", type=_A_FILE, required=True, help="This node's private key.")
@click.option("--cert", type=_A_FILE, required=True, help="This node's certificate.")
@click.option("--capath", type=_A_FOLDER, required=True, help="The folder with bundle.pem and crl.pem.")
def peer(
    *,
    listens: bool,
    listen: str,
    into: Path | None,
    file: Path | None,
    to: str | None,
    expect: str | None,
    key: Path,
    cert: Path,
    capath: Path,
) -> Reply:
    """Exchange files with another node over the swarm's wire."""
    files = CredentialFiles(cert, key, capath)
    if listens is (file is not None):
        raise InputRefused("A peer either takes files or sends one: give --echo, or --send FILE.")
    if file is None:
        if into is None:
            raise InputRefused("--echo needs --into FOLDER, where what is received goes.")
        received = asyncio.run(echo(files, address_of(listen), into, lambda line: click.echo(line, err=True)))
        return Reply([f"Received {received} contents into {into}."], {"received": received, "into": str(into)})
    if to is None or expect is None:
        raise InputRefused("--send needs --to HOST:PORT and --expect NAME, the node that listens there.")
    with _progress(file.name) as watch:
        sent = asyncio.run(send(files, file, address_of(to), expect, watch))
    return Reply(
        [
            f"Sent {sent.size} bytes to {sent.receiver}, who verified them and has them on disk.",
            f"BLAKE3: {sent.content}, which is the file's name over there.",
        ],
        {"content": sent.content, "bytes": sent.size, "receiver": sent.receiver.uri},
    )


def address_of(text: str) -> Address:
    """HOST:PORT, where an IPv6 host may stand in brackets."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - ports end there
        raise InputRefused(f"{text!r} is no address: write HOST:PORT, such as 127.0.0.1:{DEFAULT_PORT}.")
    return host.removeprefix("[").removesuffix("]"), int(port)


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar in a terminal; elsewhere a line for every tenth."""
    if not sys.stderr.isatty():
        yield _lines(name)
        return
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name)
        yield lambda there, size: bar.update(task, completed=there, total=size)


def _lines(name: str) -> Callable[[int, int], None]:
    said: set[int] = set()

    def say(there: int, size: int) -> None:
        step = _PLAIN_STEPS * there // size if size else _PLAIN_STEPS
        if step not in said:
            said.add(step)
            click.echo(f"{name}: {there} of {size} bytes", err=True)

    return say
