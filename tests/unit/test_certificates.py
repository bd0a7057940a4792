"""The certificate authorities that a drill trusts are those that were reviewed."""

import hashlib
from pathlib import Path

import pytest
from cryptography import x509

BUNDLE = Path(__file__).parents[2] / "functions" / "rds-ca.pem"


def test_the_bundle_is_the_one_that_was_reviewed() -> None:
    """Refreshed as docs/deploy.md says; the new checksum belongs into this test."""
    reviewed = "fadb4a4f767c9fcc73007f10e548fa64aa6a70baccd701857784a9193519ba7c"
    assert hashlib.sha256(BUNDLE.read_bytes()).hexdigest() == reviewed


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_it_holds_root_authorities_of_rds_and_nothing_else() -> None:
    certificates = x509.load_pem_x509_certificates(BUNDLE.read_bytes())
    assert len(certificates) == 81
    for certificate in certificates:
        assert certificate.issuer == certificate.subject
        assert "Amazon RDS" in certificate.subject.rfc4514_string()
        assert certificate.not_valid_after_utc.year >= 2061
