"""What the commands share: where a swarm's folder is, what time it is, how the authority is unlocked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from shoal_base.command import Command
from shoal_base.errors import InputRefused
from shoal_base.home import this_home
from shoal_certs.authority_folder import AUTHORITY, AuthorityPlaces, OpenAuthority, open_authority
from shoal_certs.identity import Role
from shoal_certs.identity_folder import heal_identities
from shoal_certs.passphrases import PassphraseSource
from shoal_certs.profile import BACKDATE, LEAF_LIFETIME, LEAF_LIFETIME_MAX

Function = TypeVar("Function", bound=Callable[..., Any])
PATH = click.Path(path_type=Path)
LEAF_DAYS_MAX = (LEAF_LIFETIME_MAX - BACKDATE).days


def certs_command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:  # noqa: ANN401 - click's
    """A command of this group."""
    return click.command(name, cls=Command, **settings)


def dir_option(function: Function) -> Function:
    """`--dir`, for everything that an authority does."""
    return click.option(
        "--dir",
        "folder",
        type=PATH,
        help="The swarm's folder, as `init` made it. Default: the only one in SHOAL_HOME/certs.",
    )(function)


def passphrase_option(function: Function) -> Function:
    """`--passphrase-file`; the passphrase itself never stands on a command line."""
    return click.option(
        "--passphrase-file",
        type=PATH,
        help="A file of mode 0600 with the authority's passphrase. Else SHOAL_PASSPHRASE_FILE, SHOAL_PASSPHRASE, "
        "authority/passphrase, or a prompt.",
    )(function)


def role_option(function: Function) -> Function:
    """`--role`."""
    return click.option(
        "--role",
        type=click.Choice([role.value for role in Role]),
        required=True,
        help="What the party is in the swarm.",
    )(function)


def name_option(function: Function) -> Function:
    """`--name`."""
    return click.option("--name", required=True, help="1 to 63 of a-z, 0-9 and inner hyphens, unique in the swarm.")(
        function
    )


def host_option(function: Function) -> Function:
    """`--host`, as often as there are names."""
    return click.option(
        "--host",
        "hosts",
        multiple=True,
        help="A host name or IP address to put beside the identity, for tools that check hosts. Repeatable.",
    )(function)


def days_option(function: Function) -> Function:
    """`--days`, of a leaf."""
    return click.option(
        "--days",
        type=click.IntRange(1, LEAF_DAYS_MAX),
        default=LEAF_LIFETIME.days,
        show_default=True,
        help="How long the certificate holds.",
    )(function)


def now() -> datetime:
    """The time of this command, in whole seconds as certificates hold it."""
    return datetime.now(UTC).replace(microsecond=0)


def lifetime(days: int) -> timedelta:
    """Days as a span."""
    return timedelta(days=days)


def swarm_folder(named: Path | None) -> Path:
    """The folder that was named, or the only one there is."""
    if named is not None:
        return named
    certs = this_home().certs
    found = sorted(path.parent for path in certs.glob(f"*/{AUTHORITY}"))
    if len(found) == 1:
        return found[0]
    listed = ", ".join(path.name for path in found) or "none"
    raise InputRefused(f"{certs} holds {listed} swarms with an authority; say which with --dir.") from None


@contextmanager
def office(named: Path | None, passphrase_file: Path | None) -> Iterator[OpenAuthority]:
    """The unlocked authority of a swarm."""
    places = AuthorityPlaces(swarm_folder(named))
    source = PassphraseSource(passphrase_file)
    with open_authority(places, lambda: source.find(places.passphrase), heal_identities) as authority:
        yield authority
