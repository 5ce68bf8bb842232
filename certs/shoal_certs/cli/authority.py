"""The authority's commands: init, issue, approve, renew, revoke, crl."""

from datetime import timedelta
from pathlib import Path

import click

from shoal_base.command import Reply
from shoal_base.errors import InputRefused
from shoal_base.home import this_home
from shoal_base.logs import get_log
from shoal_certs.authority import Wish
from shoal_certs.authority_folder import AuthorityPlaces, create_authority, open_authority
from shoal_certs.certificates import fingerprint
from shoal_certs.cli.options import (
    PATH,
    certs_command,
    days_option,
    dir_option,
    host_option,
    lifetime,
    name_option,
    now,
    office,
    passphrase_option,
    role_option,
)
from shoal_certs.files import read_public, sweep_partial_files, write_file
from shoal_certs.identity import Identity, Role
from shoal_certs.identity_folder import heal_identities
from shoal_certs.offices import Issued
from shoal_certs.offices import approve as approve_request
from shoal_certs.offices import issue as issue_identity
from shoal_certs.offices import renew as renew_identity
from shoal_certs.offices import revoke as revoke_certificates
from shoal_certs.passphrases import PassphraseSource, new_passphrase
from shoal_certs.profile import CRL_VALIDITY
from shoal_certs.requests import REQUEST_BYTES_MAX, check_short_hash, read_request

NODES_MAX = 1000
CRL_DAYS_MAX = 366


@certs_command("init")
@click.option("--swarm", help="The swarm's name: labels of a-z, 0-9 and inner hyphens, joined by dots.")
@click.option("--out", type=PATH, help="Where everything goes. Default: SHOAL_HOME/certs/<swarm>.")
@click.option(
    "--nodes",
    type=click.IntRange(0, NODES_MAX),
    default=0,
    help="Also issue a whole swarm for one host: a sentinel, this many nodes, an orchestrator and an operator.",
)
@host_option
@days_option
@passphrase_option
@click.option("-e", "hpe_example", hidden=True)
@click.option("-i", "hpe_index", hidden=True)
def init(
    swarm: str | None,
    out: Path | None,
    nodes: int,
    hosts: tuple[str, ...],
    days: int,
    passphrase_file: Path | None,
    hpe_example: str | None,
    hpe_index: str | None,
) -> Reply:
    """Make a new authority, and with --nodes the identities of a whole swarm."""
    if hpe_example is not None or hpe_index is not None:
        raise InputRefused(_answer_to_hpe(hpe_example, hpe_index))
    if swarm is None:
        raise click.UsageError("Missing option '--swarm'.", click.get_current_context())
    wishes = _whole_swarm(swarm, nodes, hosts, lifetime(days)) if nodes else []
    root = out or this_home().certs / swarm
    chosen = PassphraseSource(passphrase_file).choose()
    passphrase = chosen or new_passphrase()
    places = create_authority(root, swarm, now(), passphrase, keep_passphrase=chosen is None)
    with open_authority(places, lambda: passphrase, heal_identities) as desk:
        issued = [issue_identity(desk, wish, now()) for wish in wishes]
    get_log().debug("authority_created", swarm=swarm, folder=str(root), identities=len(issued))
    return _init_reply(places, swarm, issued, kept=chosen is None)


@certs_command("issue")
@role_option
@name_option
@host_option
@days_option
@click.option("--replace", is_flag=True, help="Revoke the certificate that has this name now, and issue another.")
@dir_option
@passphrase_option
def issue(
    role: str,
    name: str,
    hosts: tuple[str, ...],
    days: int,
    replace: bool,
    folder: Path | None,
    passphrase_file: Path | None,
) -> Reply:
    """Issue an identity, key included, for a party on this host or one you carry it to."""
    with office(folder, passphrase_file) as desk:
        identity = Identity(desk.authority.swarm, Role(role), name)
        issued = issue_identity(desk, Wish.for_hosts(identity, hosts, lifetime(days)), now(), replace=replace)
    return _issued_reply("Issued", issued)


@certs_command("approve")
@click.argument("request", type=PATH)
@role_option
@name_option
@host_option
@days_option
@click.option("--hash", "told_hash", help="The short hash that the asker read to you. Without it you are asked.")
@click.option("--renewal", is_flag=True, help="The name has a certificate already, and this request is to replace it.")
@click.option("--out", type=PATH, help="Where the answer goes. Default: response.json beside the request.")
@dir_option
@passphrase_option
def approve(
    request: Path,
    role: str,
    name: str,
    hosts: tuple[str, ...],
    days: int,
    told_hash: str | None,
    renewal: bool,
    out: Path | None,
    folder: Path | None,
    passphrase_file: Path | None,
) -> Reply:
    """Answer a request. What you write here decides role, name and hosts; the request decides only the key."""
    asked = read_request(read_public(request, REQUEST_BYTES_MAX), str(request))
    if told_hash is None:
        told_hash = click.prompt(f"{request} has the hash {asked.short_hash}. Type the one that the asker reads to you")
    check_short_hash(asked, told_hash, str(request))
    answer = out or request.with_name("response.json")
    with office(folder, passphrase_file) as desk:
        identity = Identity(desk.authority.swarm, Role(role), name)
        wish = Wish.for_hosts(identity, hosts, lifetime(days))
        sweep_partial_files(answer.parent, answer.name)
        write_file(answer, approve_request(desk, asked, wish, now(), renewal=renewal))
        root = fingerprint(desk.authority.root)
    differs = [f"(The request had asked for {asked.wanted}.)"] if asked.wanted != identity else []
    return Reply(
        [
            f"Approved {identity} for the key with hash {asked.short_hash}: {answer}",
            *differs,
            f"Send it back; it is no secret. They run: shoal certs install {answer.name} --into FOLDER --root {root}",
        ],
        {"identity": identity.uri, "asked": asked.wanted.uri, "hash": asked.short_hash, "response": str(answer)},
    )


@certs_command("renew")
@click.argument("name", required=False)
@click.option("--issuing", is_flag=True, help="Renew the issuing certificate instead (same key; yearly).")
@click.option("--same-key", is_flag=True, help="Keep the key, for those who pin it.")
@days_option
@dir_option
@passphrase_option
def renew(
    name: str | None, issuing: bool, same_key: bool, days: int, folder: Path | None, passphrase_file: Path | None
) -> Reply:
    """Renew an identity that lies in the swarm's folder, with a fresh key."""
    if issuing == (name is not None):
        raise click.UsageError("Say either the NAME of an identity or --issuing.", click.get_current_context())
    with office(folder, passphrase_file) as desk:
        if name is None:
            ends = desk.renew_issuing(now(), desk.root_issuer()).not_valid_after_utc
            return Reply(
                [
                    f"Renewed the issuing certificate of {desk.authority.swarm}, until {ends:%Y-%m-%d}.",
                    "Renew the identities next: their files still carry the old one.",
                ],
                {"issuing": desk.authority.swarm, "not_after": ends},
            )
        return _issued_reply("Renewed", renew_identity(desk, name, now(), lifetime=lifetime(days), same_key=same_key))


@certs_command("revoke")
@click.argument("name_or_serial")
@dir_option
@passphrase_option
def revoke(name_or_serial: str, folder: Path | None, passphrase_file: Path | None) -> Reply:
    """Revoke every certificate of a name, or one by its serial, and publish the list that says so."""
    with office(folder, passphrase_file) as desk:
        gone = revoke_certificates(desk, name_or_serial, now())
        number, place = desk.revocation_list.number, desk.places.capath
    said = [f"Revoked {record.identity}, serial {record.serial}." for record in gone]
    return Reply(
        [
            *(said or [f"Every certificate of {name_or_serial} was revoked or had expired already."]),
            f"Revocation list number {number} is in {place}. Hand it on: shoal certs install crl.pem --into FOLDER",
        ],
        {"revoked": [record.serial for record in gone], "crl_number": number, "capath": str(place)},
    )


@certs_command("crl")
@click.option(
    "--days",
    type=click.IntRange(1, CRL_DAYS_MAX),
    default=CRL_VALIDITY.days,
    show_default=True,
    help="How long the list holds; after that it refuses everybody.",
)
@dir_option
@passphrase_option
def crl(days: int, folder: Path | None, passphrase_file: Path | None) -> Reply:
    """Issue the revocation list afresh, with a higher number and a later end."""
    with office(folder, passphrase_file) as desk:
        fresh = desk.revoke([], now(), timedelta(days=days))
        place, entries = desk.places.capath, len(fresh.serials)
    return Reply(
        [
            f"Revocation list number {fresh.number} ({entries} revoked) holds until {fresh.ends_at:%Y-%m-%d}.",
            f"It is in {place}.",
        ],
        {"crl_number": fresh.number, "entries": entries, "not_after": fresh.ends_at, "capath": str(place)},
    )


def _whole_swarm(swarm: str, nodes: int, hosts: tuple[str, ...], span: timedelta) -> list[Wish]:
    parties = [(Role.SENTINEL, 1), *((Role.NODE, at + 1) for at in range(nodes))]
    parties += [(Role.ORCHESTRATOR, 1), (Role.OPERATOR, 1)]
    wishes = []
    for role, number in parties:
        name = f"{role}-{number}"
        services = [name, role.value] if role is Role.SENTINEL else [name]
        wishes.append(Wish.for_hosts(Identity(swarm, role, name), ["localhost", *services, *hosts], span))
    return wishes


def _init_reply(places: AuthorityPlaces, swarm: str, issued: list[Issued], *, kept: bool) -> Reply:
    root = fingerprint(places.certificate("root"))
    lines = [
        f"Authority of swarm {swarm}: {places.authority}",
        f"Root fingerprint, for whoever installs by request: {root}",
        f"What everybody needs (--capath): {places.capath}",
        *(f"Identity {one.identity}: {one.place}" for one in issued),
    ]
    if kept:
        lines.append(f"The passphrase was made for you: move {places.passphrase} to a safe place, away from the keys.")
    lines.append(f"Next: shoal certs verify {places.root}")
    facts = {
        "swarm": swarm,
        "authority": str(places.authority),
        "capath": str(places.capath),
        "root_fingerprint": root,
        "passphrase_file": str(places.passphrase) if kept else None,
        "identities": {one.identity.uri: str(one.place) for one in issued},
    }
    return Reply(lines, facts)


def _issued_reply(verb: str, issued: Issued) -> Reply:
    ends = issued.certificate.not_valid_after_utc
    return Reply(
        [
            f"{verb} {issued.identity}, until {ends:%Y-%m-%d}: {issued.place}",
            "key.pem there is secret, cert.pem and the capath are not; services take --key, --cert and --capath.",
        ],
        {"identity": issued.identity.uri, "folder": str(issued.place), "not_after": ends},
    )


def _answer_to_hpe(example: str | None, index: str | None) -> str:
    name, at = example or "demo", index or "1"
    return (
        f"-e {name} -i {at} made one authority for each host. Here one authority serves the whole swarm: on one host "
        f"run `scripts/gen-cert --swarm {name} --host ADDRESS --nodes 3 --out DIR`; for a node on host {at} run "
        f"`shoal certs request --swarm {name} --role node --name node-{at} --out DIR` there, and answer it with "
        "`shoal certs approve` where the authority lies."
    )
