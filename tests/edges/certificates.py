"""Certificates for tests, made by openssl."""

import subprocess
from pathlib import Path
from typing import NamedTuple


class Certificate(NamedTuple):
    """A self-signed certificate and its key, PEM."""

    file: Path
    key_file: Path


def make_certificate(folder, host):
    """Make a certificate that is good for one host and for a day."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "1", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
            "-keyout", made.key_file, "-out", made.file,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return made
