"""Certificates for tests, made by the openssl program."""

from __future__ import annotations

import subprocess
from pathlib import Path

_CONFIG = """
[ca]
default_ca = own
[own]
database = {root}/index.txt
serial = {root}/serial
new_certs_dir = {root}
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
CN = {name}
[names]
subjectAltName = IP:127.0.0.1,DNS:localhost
basicConstraints = CA:TRUE
keyUsage = digitalSignature,keyCertSign
"""


def self_signed(root: Path, *, start: str = "20200101000000Z", end: str = "20990101000000Z") -> tuple[Path, Path]:
    """Return certificate and key for 127.0.0.1, valid between two moments."""
    root.mkdir(parents=True, exist_ok=True)
    config, key, request, certificate = (root / n for n in ("ca.cnf", "key.pem", "request.pem", "certificate.pem"))
    config.write_text(_CONFIG.format(root=root, name="localhost"))
    (root / "index.txt").write_text("")
    (root / "serial").write_text("01")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    _openssl("req", "-new", *curve, "-config", str(config), "-keyout", str(key), "-out", str(request))
    times = ["-startdate", start, "-enddate", end]
    files = ["-in", str(request), "-out", str(certificate), "-keyfile", str(key)]
    _openssl("ca", "-batch", "-selfsign", "-notext", "-config", str(config), *times, *files)
    return certificate, key


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
