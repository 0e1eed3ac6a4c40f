# SPDX-License-Identifier: Apache-2.0
"""A certificate authority for one test run: certificates for brokers, gateways and clients, made on the spot.

`Authority(directory)` writes ca.pem; `issue(...)` writes NAME.pem (the certificate, then the authority's),
NAME.key (PKCS#8) and NAME.store.pem (both in one file, as Kafka's PEM key stores want them).
"""

import datetime
import ipaddress
import os
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Certificate:
    certificate: str
    key: str
    store: str
    ca: str


class Authority:
    def __init__(self, directory, name="Signet test authority"):
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.certificate = (
            _builder(self.name, self.name, self.key.public_key(), days=30)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.ca = self._write("ca.pem", _pem(self.certificate))

    def issue(self, name, hosts=LOOPBACK, days=30, organization=None, named=True, key=None):
        """A certificate for a server (hosts: names, addresses, or a wildcard such as *.kafka.test) or a client (hosts=()).

        named: whether it has a subject; without one, hosts are all that it says. key: instead of a new one on P-256.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = _name(name, organization) if named else x509.Name([])
        builder = _builder(subject, self.name, key.public_key(), days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes if hosts else purposes[1:]), critical=False)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(map(_host, hosts)), critical=not named)
        chain = _pem(builder.sign(self.key, hashes.SHA256())) + _pem(self.certificate)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Certificate(
            self._write(name + ".pem", chain),
            self._write(name + ".key", secret),
            self._write(name + ".store.pem", secret + chain),
            self.ca,
        )

    def revoke(self, *certificates, days=30):
        """Writes crl.pem, the list of these and no others; its path. days: as for `issue`."""
        start, end = _span(days)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(start).next_update(end)
        for certificate in certificates:
            with open(certificate.certificate, "rb") as file:
                number = x509.load_pem_x509_certificate(file.read()).serial_number
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(number).revocation_date(start).build())
        return self._write("crl.pem", _pem(builder.sign(self.key, hashes.SHA256())))

    def _write(self, name, data):
        path = os.path.join(self.directory, name)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as out:
            out.write(data)
        return path


def _name(common, organization=None):
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _host(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _span(days):
    now = datetime.datetime.now(datetime.timezone.utc)
    # A negative number of days makes a certificate that ran out that long ago.
    return sorted((now - datetime.timedelta(minutes=5), now + datetime.timedelta(days=days)))


def _builder(subject, issuer, public, days):
    start, end = _span(days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)
