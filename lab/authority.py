"""The lab's own certificate authority, made anew for every lab; its key is never written down."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID = timedelta(days=30)
_SKEW = timedelta(hours=1)


class Authority:
    """One authority, and the server certificates it issues; that of the databases from the start.

    It is for localhost and 127.0.0.1.
    """

    def __init__(self, folder: Path) -> None:
        """Make both, as `ca.pem` (for clients to trust) and `server.pem` in the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate = folder / "ca.pem"
        """What a client gives as sslrootcert, or a function as DRILLS_CA_FILE."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._own = _own_certificate(self._key)
        self.certificate.write_bytes(self._own.public_bytes(serialization.Encoding.PEM))
        self.context = self._issue(
            folder / "server.pem",
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        )

    def issue(self, host_name: str) -> ssl.SSLContext:
        """What a server of that name shows its clients; kept as `<name>.pem` in the folder."""
        path = self.certificate.with_name(f"{host_name}.pem")
        return self._issue(path, x509.DNSName(host_name))

    def _issue(self, path: Path, *names: x509.GeneralName) -> ssl.SSLContext:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_server_certificate(names, self._own, self._key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(path)
        return context


def _own_certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("Backup Drills lab")
    usage = _usage(signs_certificates=True)
    return (
        _builder(key)
        .subject_name(name)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server_certificate(
    names: Sequence[x509.GeneralName],
    issuer: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> bytes:
    """Certificate and key in one PEM; the first name is the subject's."""
    key = ec.generate_private_key(ec.SECP256R1())
    issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    certificate = (
        _builder(key)
        .subject_name(_name(str(names[0].value)))
        .issuer_name(issuer.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issued_by, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _builder(key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _VALID)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
