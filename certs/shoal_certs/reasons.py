"""Why a certificate, a CRL, a request or a signature proves nothing here: every reason, each with its sentence."""

from enum import StrEnum
from typing import Self

from shoal_base.errors import IdentityRefused


class Reason(StrEnum):
    """One reason each; logs and tests compare the name, people read the sentence."""

    sentence: str

    def __new__(cls, name: str, sentence: str) -> Self:
        """Bind the name to its sentence, so that no reason goes unexplained."""
        reason = str.__new__(cls, name)
        reason._value_ = name
        reason.sentence = sentence
        return reason

    # What came is no certificate of any kind.
    NO_CERTIFICATE = "no-certificate", "no certificate was shown; every party must show its own"
    MALFORMED = "malformed", "the bytes are not a well-formed X.509 certificate"
    NOT_VERSION_3 = "not-version-3", "only X.509 version 3 certificates can carry an identity"
    DUPLICATE_EXTENSION = "duplicate-extension", "an extension stands in the certificate twice"
    UNKNOWN_CRITICAL_EXTENSION = "unknown-critical-extension", "a critical extension is not one that we understand"
    BAD_SERIAL = "bad-serial", "a serial number is positive and at most 20 bytes"

    # Who vouches for it.
    CHAIN_TOO_LONG = "chain-too-long", "a chain is a leaf and at most two issuers"
    WRONG_AUTHORITY = "wrong-authority", "no root in the bundle vouches for it; is it from another swarm's authority?"
    BAD_SIGNATURE = "bad-signature", "the issuer's signature does not verify; the certificate was changed or forged"
    ISSUER_NOT_AN_AUTHORITY = "issuer-not-an-authority", "its issuer's certificate is not a CA certificate"
    ISSUER_MAY_NOT_SIGN = "issuer-may-not-sign", "its issuer's key usage lacks keyCertSign"
    ISSUER_EXPIRED = "issuer-expired", "its issuer's certificate has expired; renew the issuing certificate"
    ISSUER_NOT_YET_VALID = "issuer-not-yet-valid", "its issuer's certificate is not yet valid; check the clock"
    PATH_TOO_LONG = "path-too-long", "there are more issuers below an authority than its path length allows"
    OUTSIDE_NAME_CONSTRAINTS = "outside-name-constraints", "its issuer may vouch for another swarm only"
    UNCONSTRAINED_ISSUER = "unconstrained-issuer", "its issuer carries no name constraint that binds it to one swarm"

    # What it is made of.
    WRONG_KEY_TYPE = "wrong-key-type", "keys are elliptic curve P-256"
    WRONG_SIGNATURE_KIND = "wrong-signature-kind", "certificates are signed with ECDSA and SHA-256"
    LIFETIME_TOO_LONG = "lifetime-too-long", "a leaf lives at most a year"
    EXPIRED = "expired", "it has expired; renew it"
    NOT_YET_VALID = "not-yet-valid", "it is not yet valid; check the clocks of both parties"
    MISSING_KEY_IDENTIFIER = "missing-key-identifier", "subject and authority key identifiers must both be there"
    BASIC_CONSTRAINTS_MISSING = "basic-constraints-missing", "basic constraints must be there, marked critical"
    LEAF_IS_AUTHORITY = "leaf-is-authority", "it is a CA certificate, and those don't speak on the wire"
    KEY_USAGE_MISSING = "key-usage-missing", "key usage must be there, marked critical"
    LEAF_MAY_SIGN_CERTIFICATES = "leaf-may-sign-certificates", "a leaf's key usage must not hold keyCertSign"
    LEAF_MAY_SIGN_CRLS = "leaf-may-sign-crls", "a leaf's key usage must not hold cRLSign"
    WRONG_KEY_USAGE = "wrong-key-usage", "a leaf's key usage is digitalSignature and nothing else"
    PURPOSE_MISSING = "purpose-missing", "extended key usage must name both server and client authentication"
    PURPOSE_UNEXPECTED = "purpose-unexpected", "extended key usage names a purpose beyond server and client"

    # Who it says it is.
    NO_IDENTITY = "no-identity", "it names no spiffe:// URI, so it identifies nobody"
    SEVERAL_IDENTITIES = "several-identities", "it names more than one URI; an identity is exactly one"
    UNEXPECTED_NAME = "unexpected-name", "beside its URI it may name DNS names and IP addresses only"
    URI_TOO_LONG = "uri-too-long", "an identity has at most 255 bytes"
    WRONG_SCHEME = "wrong-scheme", "an identity starts with spiffe://, in lower case"
    PERCENT_ENCODED = "percent-encoded", "an identity is written plainly, without percent-encoding"
    UPPER_CASE = "upper-case", "an identity is written in lower case"
    NOT_ASCII = "not-ascii", "an identity is plain ASCII"
    EXTRA_URI_PARTS = "extra-uri-parts", "an identity has no user, port, query or fragment"
    WRONG_URI_SHAPE = "wrong-uri-shape", "an identity reads spiffe://<swarm>/<role>/<name>"
    BAD_SWARM_NAME = "bad-swarm-name", "a swarm's name is made of labels of a-z, 0-9 and inner hyphens, joined by dots"
    BAD_NAME = "bad-name", "a name is 1 to 63 of a-z, 0-9 and inner hyphens"
    UNKNOWN_ROLE = "unknown-role", "the role is not one of sentinel, node, orchestrator, operator, auditor"
    WRONG_SWARM = "wrong-swarm", "it belongs to another swarm"
    ROLE_NOT_ALLOWED = "role-not-allowed", "its role may not come in here"
    NOT_EXPECTED = "not-expected", "it is a valid identity, but not the one that was called"

    # Whether it still holds.
    REVOKED = "revoked", "it was revoked"
    CRL_MISSING = "crl-missing", "its issuer's revocation list is not there, so nobody can say whether it still holds"
    CRL_MALFORMED = "crl-malformed", "the bytes are not a well-formed revocation list"
    CRL_NOT_YET_VALID = "crl-not-yet-valid", "the revocation list is from the future; check the clock"
    CRL_EXPIRED = "crl-expired", "the revocation list has expired; fetch or issue a newer one"
    CRL_WRONG_ISSUER = "crl-wrong-issuer", "the revocation list is not from an authority of this swarm"
    CRL_BAD_SIGNATURE = "crl-bad-signature", "the revocation list's signature does not verify"
    CRL_WITHOUT_NUMBER = "crl-without-number", "the revocation list carries no number, so its age cannot be judged"
    CRL_ROLLED_BACK = "crl-rolled-back", "the revocation list is older than the one that is in force"
    CRL_EQUIVOCATES = "crl-equivocates", "two revocation lists carry one number and differ"

    # Keys, requests and signatures.
    KEY_MISMATCH = "key-mismatch", "private key and certificate don't belong together"
    KEY_MALFORMED = "key-malformed", "the bytes are not an unencrypted PKCS#8 private key of the right type"
    WRONG_PASSPHRASE = "wrong-passphrase", "the passphrase does not open the authority's key"
    REQUEST_MALFORMED = "request-malformed", "the file is not a well-formed certificate request of ours"
    REQUEST_UNPROVED = "request-unproved", "the request is not signed by the key that it asks a certificate for"
    KEY_REUSED = "key-reused", "the key already has a certificate; make a new one for each request"
    WRONG_HASH = "wrong-hash", "the short hash is not the one that the requester read out"
    WRONG_ROOT = "wrong-root", "the root is not the one whose fingerprint you were told"
    RESPONSE_MALFORMED = "response-malformed", "the file is not a well-formed answer to a request"
    SIGNATURE_INVALID = "signature-invalid", "the signature does not verify"


class CertificateRefused(IdentityRefused):
    """A certificate or list is refused for one reason; `about` names what was looked at."""

    def __init__(self, reason: Reason, about: str, detail: str = "") -> None:
        super().__init__(f"{about} is refused ({reason}): {reason.sentence}{f' - {detail}' if detail else ''}.")
        self.reason = reason
        self.about = about
        self.detail = detail

    def facts(self) -> dict[str, object]:
        """The reason as a word of its own."""
        return {**super().facts(), "reason": str(self.reason), "about": self.about}
