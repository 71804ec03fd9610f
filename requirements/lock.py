"""Resolve pyproject.toml into requirements/runtime.txt, build.txt and dev.txt, with hashes.

No index address is written, so the files serve whatever index pip is set up with.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUTS = {
    "runtime.txt": ["pyproject.toml"],
    "build.txt": ["--group", "build"],
    "dev.txt": ["pyproject.toml", "--extra", "embedded", "--extra", "tracing", "--group", "dev"],
}


def main() -> None:
    """Write both files; versions already locked are kept unless --upgrade is given."""
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
