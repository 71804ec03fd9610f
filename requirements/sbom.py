"""`make sbom`: the list of parts (SBOM) of the connector as CycloneDX 1.6 in JSON.

The parts are what a lock file says, their licences and needs what the installed packages say. The same
packages give the same bytes: no time, no chance, no path, no address of a registry. It counts Python
packages and the files of others that the console has: neither what is compiled into a package, nor Python,
nor the system under it.
Source: https://cyclonedx.org/docs/1.6/json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import uuid
from collections.abc import Mapping
from importlib.metadata import Distribution
from pathlib import Path
from typing import TypeAlias

from packaging.utils import canonicalize_name

from requirements.locked import (
    HERE,
    PROJECT,
    Locked,
    Policy,
    Vendored,
    graph,
    installed,
    own_extras,
    read_lock,
    vendored,
)

Json: TypeAlias = dict[str, object]


def bill(lock: tuple[Locked, ...], packages: Mapping[str, Distribution], policy: Policy) -> Json:
    """The document. `packages` are the installed ones, by canonical name, our own among them.

    Raises:
        ValueError: A locked package is not installed, or in another version.

    """
    parts = [each for each in lock if each.applies_here]
    for each in parts:
        found = packages[each.name].version if each.name in packages else "not installed"
        if found != each.version:
            raise ValueError(f"{each.name}: {each.version} is locked, {found} here")
    names = sorted(each.name for each in parts)
    edges, files = graph(packages, own_extras(packages)), vendored()
    document: Json = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "component": _component(packages[PROJECT], policy, kind="application"),
        },
        "components": [
            *(_component(packages[name], policy) for name in names),
            *(_vendored(each) for each in files),
        ],
        "dependencies": [
            {
                "ref": _purl(packages[name]),
                "dependsOn": [
                    *(_purl(packages[need]) for need in sorted(edges.get(name, set()) & set(names))),
                    *(_npm_purl(each) for each in files if name == PROJECT),
                ],
            }
            for name in (PROJECT, *names)
        ],
    }
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    return {**document, "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, digest).urn}


def _component(package: Distribution, policy: Policy, kind: str = "library") -> Json:
    component: Json = {
        "type": kind,
        "bom-ref": _purl(package),
        "name": canonicalize_name(package.name),
        "version": package.version,
        "purl": _purl(package),
    }
    if "Summary" in package.metadata:
        component["description"] = package.metadata["Summary"]
    if licence := policy.licence(package):
        component["licenses"] = [_licence(licence)]
    return component


def _vendored(file: Vendored) -> Json:
    return {
        "type": "library",
        "bom-ref": _npm_purl(file),
        "name": file.name,
        "version": file.version,
        "purl": _npm_purl(file),
        "hashes": [{"alg": "SHA-256", "content": file.sha256}],
        "licenses": [_licence(file.licence)],
    }


def _licence(expression: str) -> Json:
    """One identifier of the list of SPDX has a field of its own; anything else is an expression."""
    if " " in expression or expression.startswith("LicenseRef-"):
        return {"expression": expression, "acknowledgement": "declared"}
    return {"license": {"id": expression, "acknowledgement": "declared"}}


def _purl(package: Distribution) -> str:
    """The address of a package in every registry, with the name as that specification writes it.

    Source: https://github.com/package-url/purl-spec, type pypi.
    """
    return f"pkg:pypi/{package.name.lower().replace('_', '-')}@{package.version}"


def _npm_purl(file: Vendored) -> str:
    return f"pkg:npm/{file.name.replace('@', '%40')}@{file.version}"


def main() -> None:
    """Write the list of parts of what a lock file and a folder of installed packages say."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--lock", type=Path, default=HERE / "image.txt", help="default: %(default)s")
    parser.add_argument("--site-packages", type=Path, help="default: those of this Python")
    asked = parser.parse_args()
    document = bill(read_lock(asked.lock), installed(asked.site_packages), Policy.read())
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
