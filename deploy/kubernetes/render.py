# ruff: noqa: INP001  a script, not a package
"""Writes what is rendered from the Helm chart: `make manifests`. Tests fail when it is out of date.

- deploy/kubernetes: what `helm template` makes of the chart and values.yaml there, without what only Helm
  needs, one file for each object, named by its kind, and a kustomization.yaml that lists them
- tests/data/chart: NAME.rendered.yaml for each NAME.values.yaml, so that tests need no Helm to judge the
  chart, and the digest of the chart that they were made from
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHART = ROOT / "deploy/helm/segment-encharge-connector"
CASES = ROOT / "tests/data/chart"
DIGEST = CASES / "digest.txt"
NAME = "encharge-connector"
# Of Helm alone, or left to `kubectl --namespace`.
_LEFT_OUT = re.compile(
    r"^ +(?:helm\.sh/.*|app\.kubernetes\.io/managed-by: Helm|namespace: default)\n", re.MULTILINE
)
_EMPTY_ANNOTATIONS = re.compile(r"^( *)annotations:\n(?!\1 )", re.MULTILINE)
_HEAD = "# Made from deploy/helm by `make manifests`; change the chart or values.yaml here instead.\n"


def template(helm: Path, values: Path, *arguments: str) -> str:
    """Give what `helm template` makes of the chart.

    Raises: CalledProcessError, with Helm's words in its stderr
    """
    command = [helm, "template", NAME, CHART, "--kube-version", "1.37.0", "--values", values, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603


def digest() -> str:
    """Give the digest of what decides about the renderings: templates, defaults, and the values given.

    The copies of the alert rules and of the dashboard are in none of them, and the schema changes none.
    """
    files = [CHART / "Chart.yaml", CHART / "values.yaml", HERE / "values.yaml", *CASES.glob("*.values.yaml")]
    found = hashlib.sha256()
    for file in sorted([*files, *(file for file in (CHART / "templates").rglob("*") if file.is_file())]):
        content = file.read_bytes()
        found.update(f"{file.relative_to(ROOT).as_posix()} {len(content)}\n".encode() + content)
    return found.hexdigest()


def rendered(helm: Path) -> dict[Path, str]:
    """Give every file that is made, with its text."""
    plain = dict(_objects(template(helm, HERE / "values.yaml")))
    listed = "".join(f"  - {file.name}\n" for file in sorted(plain))
    head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
    cases = {
        CASES / f"{values.name.removesuffix('.values.yaml')}.rendered.yaml": template(helm, values)
        for values in CASES.glob("*.values.yaml")
    }
    return {**plain, HERE / "kustomization.yaml": _HEAD + head + listed, **cases, DIGEST: f"{digest()}\n"}


def _objects(text: str) -> Iterator[tuple[Path, str]]:
    for document in re.split(r"^---\n", text, flags=re.MULTILINE):
        source, _, manifest = document.partition("\n")
        if not manifest.strip() or "/tests/" in source:
            continue
        kind = re.search(r"^kind: (\w+)$", manifest, re.MULTILINE)
        assert kind is not None, source
        plain = _EMPTY_ANNOTATIONS.sub("", _LEFT_OUT.sub("", manifest)).strip("\n")
        yield HERE / f"{kind[1].lower()}.yaml", f"{_HEAD}{plain}\n"


def main() -> None:
    """Write all files; tell which changed."""
    sys.path.insert(0, str(ROOT / "deploy/helm"))
    from tool import find  # noqa: PLC0415

    helm = find()
    if helm is None:
        sys.exit("no Helm here; `make helm` builds it where Go is")
    for file, text in rendered(helm).items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{file.relative_to(ROOT)} written\n")


if __name__ == "__main__":
    main()
