"""The asker's commands: request, install."""

from pathlib import Path

import click

from shoal_base.command import Reply
from shoal_certs.cli.options import PATH, certs_command, name_option, now, role_option
from shoal_certs.files import read_public
from shoal_certs.identity import Identity, Role
from shoal_certs.letters import begin_request, install_response, install_revocation_list
from shoal_certs.requests import RESPONSE_BYTES_MAX
from shoal_certs.revocation import is_revocation_list


@certs_command("request")
@click.option("--swarm", required=True, help="The swarm that you want to join.")
@role_option
@name_option
@click.option("--out", type=PATH, required=True, help="A folder for your key; it is made, and the key stays in it.")
@click.option("--renewal", is_flag=True, help="Ask for a certificate that replaces the one in the folder.")
def request(swarm: str, role: str, name: str, out: Path, renewal: bool) -> Reply:
    """Make a key here and a request for a certificate; the key never leaves the folder."""
    wanted = Identity(swarm, Role(role), name)
    place, short_hash = begin_request(out, wanted, renewal=renewal)
    return Reply(
        [
            f"Request for {wanted}: {place}",
            f"Its hash is {short_hash}. Send the file to the person who runs the authority and read them the hash.",
            f"They answer with response.json: shoal certs install response.json --into {out} --root FINGERPRINT",
        ],
        {"identity": wanted.uri, "request": str(place), "hash": short_hash},
    )


@certs_command("install")
@click.argument("file", type=PATH)
@click.option("--into", "folder", type=PATH, required=True, help="The folder that `request` made.")
@click.option("--root", "told_root", help="The root's fingerprint, as you were told by another way (first time only).")
def install(file: Path, folder: Path, told_root: str | None) -> Reply:
    """Check an answer or a newer revocation list, and put it in place."""
    data = read_public(file, RESPONSE_BYTES_MAX)
    if is_revocation_list(data):
        fresh = install_revocation_list(folder, data, str(file), now())
        return Reply(
            [f"Revocation list number {fresh.number} is in force in {folder}, until {fresh.ends_at:%Y-%m-%d}."],
            {"folder": str(folder), "crl_number": fresh.number, "not_after": fresh.ends_at},
        )
    certified = install_response(folder, data, str(file), now(), told_root)
    return Reply(
        [
            f"Installed {certified.identity} in {folder}, until {certified.ends_at:%Y-%m-%d}.",
            f"Next: shoal certs verify {folder}",
        ],
        {"identity": certified.identity.uri, "folder": str(folder), "not_after": certified.ends_at},
    )
