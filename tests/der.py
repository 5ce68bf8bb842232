"""Just enough DER to make certificates that no library agrees to build."""

from collections.abc import Callable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

SEQUENCE = 0x30
ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


def element(tag: int, content: bytes) -> bytes:
    """One tag, length and value."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def children(encoded: bytes) -> list[bytes]:
    """The elements inside a constructed element."""
    content, found = _content(encoded), []
    while content:
        size = _size(content)
        found.append(content[:size])
        content = content[size:]
    return found


def resigned(tbs: bytes, key: ec.EllipticCurvePrivateKey, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """A certificate whose to-be-signed elements went through `change`, with a signature that verifies."""
    changed = element(SEQUENCE, b"".join(change(children(tbs))))
    signature = key.sign(changed, ec.ECDSA(hashes.SHA256()))
    return element(SEQUENCE, changed + ECDSA_WITH_SHA256 + element(0x03, b"\0" + signature))


def _header(encoded: bytes) -> tuple[int, int]:
    first = encoded[1]
    if first < 0x80:
        return 2, first
    count = first & 0x7F
    return 2 + count, int.from_bytes(encoded[2 : 2 + count])


def _size(encoded: bytes) -> int:
    header, size = _header(encoded)
    return header + size


def _content(encoded: bytes) -> bytes:
    header, size = _header(encoded)
    return encoded[header : header + size]
