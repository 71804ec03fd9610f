"""Resolve pyproject.toml into requirements/*.txt, with hashes.

The others take their versions from dev.txt, so that what is given away is what the tests ran with.

No index address is written, so the files serve whatever index pip is set up with.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AS_DEVELOPED = ["--constraint", "requirements/dev.txt"]
OUTPUTS = {
    "dev.txt": ["pyproject.toml", "--extra", "embedded", "--extra", "tracing", "--group", "dev"],
    "runtime.txt": ["pyproject.toml", *AS_DEVELOPED],
    "embedded.txt": ["pyproject.toml", "--extra", "embedded", *AS_DEVELOPED],  # the README's first steps
    "image.txt": ["pyproject.toml", "--extra", "tracing", *AS_DEVELOPED],  # the Dockerfile's
    "build.txt": ["--group", "build", *AS_DEVELOPED],
}


def main() -> None:
    """Write all files; versions already locked are kept unless --upgrade is given."""
    for name, options in OUTPUTS.items():
        command = [
            sys.executable, "-m", "uv", "pip", "compile",
            "--universal", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
            "--custom-compile-command", "make lock",
            "--output-file", f"requirements/{name}",
            *options,
            *sys.argv[1:],
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True)  # noqa: S603  our own arguments


if __name__ == "__main__":
    main()
