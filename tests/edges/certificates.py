"""Certificates for tests, made by openssl."""

import ssl
import subprocess
from pathlib import Path
from typing import NamedTuple

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Certificate(NamedTuple):
    """A certificate and its key, PEM."""

    file: Path
    key_file: Path


class Authority(NamedTuple):
    """A certificate authority: what clients have to trust, and what signs."""

    file: Path
    key_file: Path

    def sign(self, host, *, days=1, usage="serverAuth"):
        """Make a certificate for one host or client; with -1 day it expired yesterday."""
        folder = self.file.parent
        name = f"{host}_{days}"
        made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
        wish, kind = folder / f"{name}.csr", folder / f"{name}.cnf"
        kind.write_text(
            f"basicConstraints=critical,CA:FALSE\nextendedKeyUsage={usage}\nsubjectAltName=DNS:{host}\n"
        )
        _openssl("req", *_KEY, "-subj", f"/CN={host}", "-keyout", made.key_file, "-out", wish)
        _openssl(
            "x509", "-req", "-in", wish, "-CA", self.file, "-CAkey", self.key_file, "-days", days,
            "-CAcreateserial", "-extfile", kind, "-out", made.file,
        )  # fmt: skip
        return made


def make_authority(folder):
    """Make an authority that is good for a day; one folder holds one authority and what it signs."""
    made = Authority(folder / "authority.pem", folder / "authority.key")
    _openssl(
        "req", "-x509", *_KEY, "-days", 1, "-subj", "/CN=An authority for tests",
        "-addext", "keyUsage=critical,keyCertSign", "-keyout", made.key_file, "-out", made.file,
    )  # fmt: skip
    return made


def make_certificate(folder, host):
    """Make a self-signed certificate that is good for one host and for a day."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    _openssl(
        "req", "-x509", *_KEY, "-days", 1, "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
        "-keyout", made.key_file, "-out", made.file,
    )  # fmt: skip
    return made


def server_context(certificate, *protocols):
    """Make the TLS side of a server; the protocols are offered in this order."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file, certificate.key_file)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
