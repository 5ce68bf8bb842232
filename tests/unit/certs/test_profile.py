"""Root, issuing certificate, leaf and list look as the profile says: strict, bound by name, for leaves only."""

from datetime import UTC, datetime

import pytest
from cryptography import x509

from shoal_certs.authority import Wish, new_serial
from shoal_certs.keys import new_key
from tests.workshop import SWARM, Workshop, identity

SHOP = Workshop.open(datetime(2026, 3, 4, tzinfo=UTC))
LEAF = SHOP.authority.issue(Wish(identity()), new_key().public_key(), SHOP.now, new_serial())
ROOT, ISSUING = SHOP.root.certificate, SHOP.issuing.certificate


@pytest.mark.parametrize(("certificate", "ca", "length"), [(ROOT, True, 1), (ISSUING, True, 0), (LEAF, False, None)])
def test_who_may_vouch_for_whom(certificate: x509.Certificate, ca: bool, length: int | None) -> None:
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (ca, length)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign is usage.value.crl_sign is ca
    assert usage.value.digital_signature is not ca


def test_the_issuing_certificate_is_bound_to_its_swarm() -> None:
    found = ISSUING.extensions.get_extension_for_class(x509.NameConstraints)
    assert found.critical
    assert found.value.permitted_subtrees == [x509.UniformResourceIdentifier(SWARM)]


@pytest.mark.parametrize(("child", "parent"), [(LEAF, ISSUING), (ISSUING, ROOT)])
def test_key_identifiers_lead_from_child_to_parent(child: x509.Certificate, parent: x509.Certificate) -> None:
    own = parent.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert child.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own


def test_a_list_carries_its_number_and_its_issuers_key() -> None:
    crl = SHOP.authority.revocation_list(7, [], SHOP.now)
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 7
    own = ISSUING.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own
