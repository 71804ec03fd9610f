"""`make licences`: whether every locked package has a licence that fits, by requirements/policy.toml.

Exit code 0: all fit. 1: some do not, they are named.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution

from license_expression import ExpressionError, get_spdx_licensing

from requirements.locked import (
    HERE,
    PROJECT,
    Policy,
    graph,
    installed,
    own_extras,
    read_lock,
    texts,
    vendored,
)

_SPDX = get_spdx_licensing()


def fits(expression: str, allowed: frozenset[str]) -> bool:
    """Whether an SPDX expression can be met by allowed licences: one side of OR, both of AND.

    Raises:
        ValueError: It is no SPDX expression.

    """
    try:
        parsed = _SPDX.parse(expression)
    except ExpressionError as error:
        raise ValueError(f"{expression!r} is no SPDX expression") from error
    return _met(parsed, allowed)


def _met(node: object, allowed: frozenset[str]) -> bool:
    if isinstance(node, _SPDX.AND):
        return all(_met(each, allowed) for each in node.args)
    if isinstance(node, _SPDX.OR):
        return any(_met(each, allowed) for each in node.args)
    return str(node) in allowed


def troubles(
    packages: Mapping[str, Distribution], names: frozenset[str], allowed: frozenset[str], policy: Policy
) -> Iterator[str]:
    """One line for each package whose licence does not fit, is unknown, or is not as the policy has it."""
    for name in sorted(names):
        package = packages[name]
        stated = policy.entry("stated", name) or policy.entry("excepted", name)
        if stated and not any(stated["says"] in text for text in texts(package)):
            yield f"{name}: no licence file says {stated['says']!r}, as policy.toml has it"
        licence = policy.licence(package)
        if licence is None:
            yield f"{name}: its metadata names no licence that policy.toml knows"
        elif policy.entry("excepted", name) is None and not fits(licence, allowed):
            yield f"{name}: {licence} is not allowed"


def main() -> int:
    """Print what does not fit, or how many packages were looked at."""
    policy, packages = Policy.read(), installed()
    shipped = frozenset(graph(packages, own_extras(packages))) - {PROJECT}
    locked = {each.name for each in read_lock(HERE / "dev.txt") if each.applies_here}
    missing = sorted(locked - packages.keys())
    found = [f"{name}: locked, but not installed here; run make install" for name in missing]
    for names, lists in ((shipped, ["shipped"]), (locked - shipped, ["shipped", "development"])):
        words = frozenset(word for each in lists for word in policy.table["allowed"][each])
        found += troubles(packages, frozenset(names) & packages.keys(), words, policy)
    for line in found:
        print(line)  # noqa: T201  the result of the command
    words = frozenset(policy.table["allowed"]["shipped"])
    found += [
        f"{each.name}: {each.licence} is not allowed" for each in vendored() if not fits(each.licence, words)
    ]
    if not found:
        print(f"licences fit: of {len(shipped)} packages for users, {len(locked - shipped)} for developers")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
