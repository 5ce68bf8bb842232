"""HOST:PORT, as people write it and as links take it."""

from shoal_base.errors import InputRefused
from shoal_swarm.transport.contract import Address

DEFAULT_PORT = 30306
_PORT_MAX = 65535


def address_of(text: str) -> Address:
    """HOST:PORT, where an IPv6 host may stand in brackets."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > _PORT_MAX:
        raise InputRefused(f"{text!r} is no address: write HOST:PORT, such as 127.0.0.1:{DEFAULT_PORT}.")
    return host.removeprefix("[").removesuffix("]"), int(port)


def spelled(address: Address) -> str:
    """The one way to write it."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
