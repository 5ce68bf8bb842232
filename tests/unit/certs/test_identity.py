"""An identity has one spelling; every other is refused for its own reason."""

import pytest

from shoal_certs.identity import URI_BYTES_MAX, Identity, Role
from shoal_certs.reasons import CertificateRefused, Reason


@pytest.mark.parametrize("role", Role)
def test_what_is_written_is_read_back(role: Role) -> None:
    identity = Identity("reef.example", role, "ana-1")
    assert identity.uri == f"spiffe://reef.example/{role}/ana-1"
    assert Identity.parse(identity.uri) == identity


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("", Reason.WRONG_SCHEME),
        ("https://reef/node/ana", Reason.WRONG_SCHEME),
        ("SPIFFE://reef/node/ana", Reason.WRONG_SCHEME),
        ("spiffe://Reef/node/ana", Reason.UPPER_CASE),
        ("spiffe://reef/node/%61na", Reason.PERCENT_ENCODED),
        ("spiffe://reef/node/än", Reason.NOT_ASCII),
        ("spiffe://user@reef/node/ana", Reason.EXTRA_URI_PARTS),
        ("spiffe://reef:30304/node/ana", Reason.EXTRA_URI_PARTS),
        ("spiffe://reef/node/ana?x", Reason.EXTRA_URI_PARTS),
        ("spiffe://reef/node/ana#x", Reason.EXTRA_URI_PARTS),
        ("spiffe://reef\\node\\ana", Reason.EXTRA_URI_PARTS),
        ("spiffe://reef/node", Reason.WRONG_URI_SHAPE),
        ("spiffe://reef/node/ana/", Reason.WRONG_URI_SHAPE),
        ("spiffe://reef/captain/ana", Reason.UNKNOWN_ROLE),
        ("spiffe:///node/ana", Reason.BAD_SWARM_NAME),
        ("spiffe://reef./node/ana", Reason.BAD_SWARM_NAME),
        ("spiffe://../node/ana", Reason.BAD_SWARM_NAME),
        ("spiffe://reef/node/..", Reason.BAD_NAME),
        ("spiffe://reef/node/", Reason.BAD_NAME),
        ("spiffe://reef/node/-ana", Reason.BAD_NAME),
        ("spiffe://reef/node/ana\n", Reason.BAD_NAME),
        ("spiffe://reef/node/" + "a" * 64, Reason.BAD_NAME),
        ("spiffe://" + "a" * URI_BYTES_MAX + "/node/ana", Reason.URI_TOO_LONG),
    ],
)
def test_another_spelling_is_refused(uri: str, reason: Reason) -> None:
    with pytest.raises(CertificateRefused) as refusal:
        Identity.parse(uri)
    assert refusal.value.reason is reason


def test_a_name_of_63_letters_is_the_longest() -> None:
    assert Identity("reef", Role.NODE, "a" * 63).name == "a" * 63


def test_parts_that_fit_alone_may_be_too_long_together() -> None:
    swarm = ".".join(["a" * 63] * 4)[:240].rstrip(".")
    with pytest.raises(CertificateRefused) as refusal:
        Identity(swarm, Role.NODE, "a" * 63)
    assert refusal.value.reason is Reason.URI_TOO_LONG
