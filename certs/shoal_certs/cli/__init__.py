"""`shoal certs`: the authority's desk, the asker's side, and a look at what lies there."""

from shoal_base.command import Group
from shoal_certs.cli.authority import approve, crl, init, issue, renew, revoke
from shoal_certs.cli.looking import show, verify
from shoal_certs.cli.party import install, request

certs = Group("certs", help="Certificates of a swarm: make, ask for, renew, revoke and examine them.")
for command in (init, issue, request, approve, install, renew, revoke, crl, show, verify):
    certs.add_command(command)

__all__ = ["certs"]
