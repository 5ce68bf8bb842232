"""`shoal sentinel`: the membership and round service of a swarm."""

from pathlib import Path

import click

from shoal_base.command import Reply, Service
from shoal_base.errors import IdentityRefused
from shoal_base.home import this_home
from shoal_base.settings import read_settings
from shoal_certs.identity import Role
from shoal_swarm.protocol.deadlines import Timing
from shoal_swarm.sentinel.places import default_register
from shoal_swarm.sentinel.restore_cli import restore
from shoal_swarm.sentinel.service import SentinelSettings, serve
from shoal_swarm.service.credential_options import credential_options, files_of
from shoal_swarm.service.faults import Boundaries
from shoal_swarm.service.run_config import rules_of
from shoal_swarm.service.run_options import run_options
from shoal_swarm.service.stopping import run_service
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.transport.contract import Address
from shoal_swarm.transport.keyring import Keyring

DEFAULT_PORT = 30304


@click.group("sentinel", cls=Service)
@click.option("--host-ip", default="127.0.0.1", show_default=True, help="The address of this host to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0 takes a free one."
)
@click.option(
    "--register", "register_url", help="Where the register lies. Default: SQLite in SHOAL_HOME/state/<swarm>."
)
@run_options
@credential_options
@click.pass_context
def sentinel(
    context: click.Context,
    *,
    host_ip: str,
    port: int,
    register_url: str | None,
    config: RunConfig | None,
    identity: Path | None,
    key: Path | None,
    cert: Path | None,
    capath: Path | None,
) -> Reply | None:
    """Serve a swarm: who is a member, and what its rounds decide. Sees names, hashes and numbers, never a tensor."""
    if context.invoked_subcommand is not None:
        return None
    files = files_of(identity, key, cert, capath)
    party = Keyring(files).identity
    if party.role is not Role.SENTINEL:
        raise IdentityRefused(
            f"{files.cert} is of {party}, not of a sentinel. Give the sentinel's certificate and key."
        )
    state = this_home().state / party.swarm / party.name
    settings = SentinelSettings(
        files=files,
        address=(host_ip, port),
        register_url=register_url or default_register(party.swarm),
        runs=() if config is None else (rules_of(config),),
        timing=Timing.lan(),
        boundaries=Boundaries.planned(read_settings()),
        state=state,
    )
    run_service(serve(settings, _say_ready))
    return Reply(["Stopped, as asked. The register has everything; start again at any time."], {"stopped": True})


sentinel.add_command(restore)


def _say_ready(address: Address) -> None:
    host, port = address
    click.echo(f"ready, listening on {f'[{host}]' if ':' in host else host}:{port}")
