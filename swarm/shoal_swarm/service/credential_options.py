"""The options that say who a service is, the same for sentinel and peer."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from shoal_base.errors import InputRefused
from shoal_certs.credentials import CredentialFiles

Function = TypeVar("Function", bound=Callable[..., object])
_A_FOLDER = click.Path(path_type=Path, file_okay=False)
_A_FILE = click.Path(path_type=Path, dir_okay=False)


def credential_options(function: Function) -> Function:
    """Add --identity, --key, --cert and --capath."""
    for option in (
        click.option("--capath", type=_A_FOLDER, help="The folder with bundle.pem and crl.pem."),
        click.option("--cert", type=_A_FILE, help="The certificate."),
        click.option("--key", type=_A_FILE, help="The private key."),
        click.option(
            "--identity", type=_A_FOLDER, help="A folder with key.pem and cert.pem, instead of the next three."
        ),
    ):
        function = option(function)
    return function


def files_of(identity: Path | None, key: Path | None, cert: Path | None, capath: Path | None) -> CredentialFiles:
    """The files that the options name: one folder, whose parts may be replaced, or all three of them."""
    if identity is not None:
        found = CredentialFiles.in_folder(identity)
        return CredentialFiles(cert or found.cert, key or found.key, capath or found.capath)
    if cert is None or key is None or capath is None:
        raise InputRefused("Who is this? Give --identity FOLDER, or --key, --cert and --capath.")
    return CredentialFiles(cert, key, capath)
