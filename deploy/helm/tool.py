# ruff: noqa: INP001  a script, not a package
"""Builds Helm from its Go module into the cache, once: `make helm`. Needs nothing but Python and Go."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "v3.22.0"
# Helm asks charts for the version of Kubernetes that it was built with, unless it is told another one.
KUBERNETES = ("1", "37")


def cached() -> Path:
    """Give where the build is, or would be."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        base = Path.home() / ".cache"
    return base / "segment-encharge-connector" / f"helm-{VERSION}" / "helm"


def find() -> Path | None:
    """Give the Helm to use: of the cache, else of the PATH; None where there is none."""
    if cached().exists():
        return cached()
    found = shutil.which("helm")
    return Path(found) if found else None


def build() -> None:
    """Build it into the cache.

    Raises: CalledProcessError when Go refuses
    """
    cached().parent.mkdir(parents=True, exist_ok=True)
    utilities = "helm.sh/helm/v3/pkg/chartutil"
    flags = [
        "-s",
        "-w",
        f"-X=helm.sh/helm/v3/internal/version.version={VERSION}",
        f"-X={utilities}.k8sVersionMajor={KUBERNETES[0]}",
        f"-X={utilities}.k8sVersionMinor={KUBERNETES[1]}",
    ]
    with tempfile.TemporaryDirectory(dir=cached().parent) as directory:
        subprocess.run(  # noqa: S603
            [  # noqa: S607
                "go",
                "install",
                "-trimpath",
                f"-ldflags={' '.join(flags)}",
                f"helm.sh/helm/v3/cmd/helm@{VERSION}",
            ],
            cwd=directory,  # not in a Go module of somebody
            env={**os.environ, "GOBIN": directory, "GOFLAGS": "-mod=mod"},
            check=True,
        )
        (Path(directory) / "helm").replace(cached())


def main() -> None:
    """Build Helm unless it is there."""
    if cached().exists():
        sys.stdout.write(f"Helm {VERSION} is at {cached()}\n")
        return
    if shutil.which("go") is None:
        sys.stdout.write(
            "no Go here to build Helm with: the chart is tested by its rendered manifests only\n"
        )
        return
    sys.stdout.write(f"building Helm {VERSION}, once\n")
    build()


if __name__ == "__main__":
    main()
