"""HELLO and WELCOME: nothing else is said, and nobody is told "connected", before both have passed.

In TLS 1.3 the dialler's handshake succeeds before the listener has judged the dialler's certificate. Only the
WELCOME shows that it was accepted, so a dial is over when the WELCOME is here and not before.
"""

import asyncio

from shoal_swarm.protocol.messages import PROTOCOL_VERSIONS, Bye, Hello, Welcome, encode
from shoal_swarm.transport.contract import Parcel, Pipe
from shoal_swarm.transport.customs import Customs
from shoal_swarm.transport.reasons import LinkEnded, LinkRefused, Reason, link_error, reason_of


async def greet_as_dialler(pipe: Pipe, customs: Customs) -> int:
    """Say HELLO and wait for WELCOME; the version that will be spoken."""
    about = customs.peer.uri
    await pipe.send([encode(Hello(sender=customs.me.uri, versions=PROTOCOL_VERSIONS))])
    parcel = await _first_parcel(pipe, customs)
    match parcel.message:
        case Welcome(version=version) if version in PROTOCOL_VERSIONS:
            return version
        case Welcome(version=version):
            raise LinkRefused(Reason.NO_COMMON_VERSION, about, f"it chose {version}")
        case Bye(reason=word):
            raise link_error(reason_of(word, Reason.REFUSED_BY_PEER), about, "said by the other side")
        case other:
            raise LinkRefused(Reason.NOT_GREETED, about, f"{type(other).__name__} came first")


async def greet_as_listener(pipe: Pipe, customs: Customs) -> int:
    """Wait for HELLO and answer WELCOME; the version that will be spoken."""
    about = customs.peer.uri
    parcel = await _first_parcel(pipe, customs)
    match parcel.message:
        case Hello(versions=versions):
            common = set(versions) & set(PROTOCOL_VERSIONS)
        case Bye(reason=word):
            raise link_error(reason_of(word, Reason.CLOSED), about, "said by the other side")
        case other:
            raise LinkRefused(Reason.NOT_GREETED, about, f"{type(other).__name__} came first")
    if not common:
        raise LinkRefused(Reason.NO_COMMON_VERSION, about, f"it speaks {versions}, we {PROTOCOL_VERSIONS}")
    version = max(common)
    await pipe.send([encode(Welcome(sender=customs.me.uri, version=version))])
    return version


async def _first_parcel(pipe: Pipe, customs: Customs) -> Parcel:
    limits = customs.limits
    try:
        async with asyncio.timeout(limits.greeting_s):
            frames = await pipe.receive()
    except TimeoutError as late:
        raise LinkEnded(Reason.GREETING_LATE, customs.peer.uri, f"{limits.greeting_s:g} s") from late
    if sum(len(frame) for frame in frames) > limits.greeting_bytes_max:
        detail = f"{sum(len(frame) for frame in frames)} bytes, at most {limits.greeting_bytes_max}"
        raise LinkRefused(Reason.GREETING_TOO_LONG, customs.peer.uri, detail)
    return customs.inspect(frames, bytes_max=limits.greeting_bytes_max)
