"""`shoal node`: both halves of a node, kept running until its result is written."""

import os
from pathlib import Path

import click

from shoal_base.command import Command, Reply
from shoal_base.errors import IdentityRefused
from shoal_base.home import this_home
from shoal_certs.identity import Identity, Role
from shoal_node.models.folders import model_folder
from shoal_node.supervision.halves import NodePlan
from shoal_node.supervision.keeping import keep_node
from shoal_swarm.service.credential_options import credential_options, files_of
from shoal_swarm.service.host import host_in
from shoal_swarm.service.run_config import task_in
from shoal_swarm.service.stopping import run_service
from shoal_swarm.spec.run import RunConfig
from shoal_swarm.transport.keyring import Keyring

_A_FILE = click.Path(path_type=Path, dir_okay=False)
_A_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("node", cls=Command)
@click.option("--task", type=_A_FILE, required=True, help="What to learn.")
@click.option("--profile", type=_A_FILE, required=True, help="What this host offers: data, models, output.")
@click.option("--sentinel", required=True, help="Where the sentinel listens, HOST:PORT.")
@click.option("--sentinel-name", default="sentinel-1", show_default=True, help="The sentinel's name, as certified.")
@click.option("--address", help="Where others reach this node, if not at the profile's address for it.")
@click.option(
    "--state", type=_A_FOLDER, help="What must outlive a crash. Default: SHOAL_HOME/state/<swarm>/<run>/<node>."
)
@credential_options
def node(
    *,
    task: Path,
    profile: Path,
    sentinel: str,
    sentinel_name: str,
    address: str | None,
    state: Path | None,
    identity: Path | None,
    key: Path | None,
    cert: Path | None,
    capath: Path | None,
) -> Reply:
    """Take part in a task's run with this host's data: a peer with the keys and a trainer with the data, side by side.

    Which node of the profile this is, the certificate says.
    """
    files = files_of(identity, key, cert, capath)
    party = _node_in(Keyring(files).identity, files.cert)
    wanted, host = task_in(task), host_in(profile)
    offered = host.node(party.name)
    config, home = RunConfig.of_task(wanted), this_home()
    host.check(wanted, offered)
    model_folder(wanted.model.name, host.models(), home.models)
    plan = NodePlan(
        name=party.name,
        task=task,
        profile=profile,
        files=files,
        sentinel=sentinel,
        sentinel_name=sentinel_name,
        address=address or offered.address,
        state=state or home.state / party.swarm / config.run / party.name,
        logs=home.logs / party.swarm / config.run,
    )
    is_done = run_service(keep_node(plan, os.environ, click.echo))
    result = host.output(offered) / "adapter"
    if not is_done:
        return Reply(
            ["Stopped, as asked. The same command goes on from here: nothing was lost."],
            {"node": party.name, "is_done": False},
        )
    return Reply(
        [f"{party.name} is done. The adapter is in {result}.", f'Try it: shoal predict {result} "TEXT"'],
        {"node": party.name, "is_done": True, "adapter": str(result)},
    )


def _node_in(party: Identity, cert: Path) -> Identity:
    if party.role is not Role.NODE:
        raise IdentityRefused(f"{cert} is of {party}, not of a node. Give a node's certificate and key.")
    return party
