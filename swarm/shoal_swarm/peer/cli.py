"""`shoal peer`: the networked half of a node. Its wire can also be tried by hand, between two machines."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from shoal_base.command import Command, Reply
from shoal_base.errors import IdentityRefused, InputRefused
from shoal_base.home import this_home
from shoal_base.settings import read_settings
from shoal_certs.identity import Role
from shoal_swarm.peer.addresses import DEFAULT_PORT, address_of
from shoal_swarm.peer.echo import echo, send
from shoal_swarm.peer.service import PeerSettings, take_part
from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.service.credential_options import credential_options, files_of
from shoal_swarm.service.faults import Boundaries
from shoal_swarm.service.run_options import run_options
from shoal_swarm.service.stopping import run_service
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.transport.keyring import Keyring

_A_FOLDER = click.Path(path_type=Path, file_okay=False)
_A_FILE = click.Path(path_type=Path, dir_okay=False)
_PLAIN_STEPS = 10
_DEFAULT_ADDRESS = f"127.0.0.1:{DEFAULT_PORT}"


@click.command("peer", cls=Command)
@run_options
@click.option("--sentinel", help="Where the sentinel listens, HOST:PORT.")
@click.option("--sentinel-name", default="sentinel-1", show_default=True, help="The sentinel's name, as certified.")
@click.option("--address", help="Where others reach this node, HOST:PORT; port 0 takes a free one.")
@click.option(
    "--state", type=_A_FOLDER, help="What must outlive a crash. Default: SHOAL_HOME/state/<swarm>/<run>/<node>."
)
@click.option("--link", type=_A_FOLDER, help="Where this node's trainer meets it. Default: a folder of the state.")
@click.option("--trainer-is-done", is_flag=True, help="The trainer has its result: only serve others to the run's end.")
@click.option("--echo", "listens", is_flag=True, help="Take files from others and answer pings, until Ctrl-C.")
@click.option("--listen", help="Where to listen, HOST:PORT, if not at --address.")
@click.option("--into", type=_A_FOLDER, help="Where what is received goes, each file under its BLAKE3.")
@click.option("--send", "file", type=_A_FILE, help="Send this file.")
@click.option("--to", help="Where the receiver listens, HOST:PORT.")
@click.option("--expect", help="The receiver's name; whoever else answers there gets nothing.")
@credential_options
def peer(
    *,
    config: RunConfig | None,
    sentinel: str | None,
    sentinel_name: str,
    address: str | None,
    state: Path | None,
    link: Path | None,
    trainer_is_done: bool,
    listens: bool,
    listen: str | None,
    into: Path | None,
    file: Path | None,
    to: str | None,
    expect: str | None,
    identity: Path | None,
    key: Path | None,
    cert: Path | None,
    capath: Path | None,
) -> Reply:
    """Take part in a run with --task or --run, or exchange a file with another node over the swarm's wire."""
    files = files_of(identity, key, cert, capath)
    if [listens, file is not None, config is not None].count(True) != 1:
        raise InputRefused(
            "A peer takes files, sends one or takes part in a run: give --echo, or --send FILE, or --task FILE."
        )
    if config is not None:
        party = Keyring(files).identity
        if party.role is not Role.NODE:
            raise IdentityRefused(f"{files.cert} is of {party}, not of a node. Give a node's certificate and key.")
        if sentinel is None:
            raise InputRefused("A run needs --sentinel HOST:PORT, where the swarm's sentinel listens.")
        reached = address_of(address or _DEFAULT_ADDRESS)
        place = state or this_home().state / party.swarm / config.run / party.name
        settings = PeerSettings(
            files=files,
            config=config,
            sentinel=address_of(sentinel),
            sentinel_name=sentinel_name,
            listen=reached if listen is None else address_of(listen),
            address=reached,
            state=place,
            link=link or place / "link",
            trainer_is_done=trainer_is_done,
            timing=Timing.lan(),
            boundaries=Boundaries.planned(read_settings()),
        )
        return _run_reply(config.run, run_service(take_part(settings, click.echo)))
    if file is None:
        if into is None:
            raise InputRefused("--echo needs --into FOLDER, where what is received goes.")
        here = address_of(listen or _DEFAULT_ADDRESS)
        received = asyncio.run(echo(files, here, into, lambda line: click.echo(line, err=True)))
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


def _run_reply(run: str, adapters: Mapping[int, str]) -> Reply:
    facts = {"run": run, "adapters": {str(number): adapter for number, adapter in adapters.items()}}
    return Reply([f"Left run {run} after {len(adapters)} rounds. Start again at any time: nothing was lost."], facts)


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
