"""`make audit`: asks the vulnerability service about every locked package, by way of pip-audit.

Exit code 0: it was asked about all of them and knows of no hole, but for those that may wait by
requirements/policy.toml. 1: it knows of others. 2: it could not be asked about some; with `--if-reachable`
that is said and the code is 0. pip-audit itself calls a package that the service does not answer for
"skipped", and the whole "no known vulnerabilities"; here it is not audited.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from requirements.locked import HERE, Policy, read_lock

LOCKS: Final = tuple(HERE / name for name in ("dev.txt", "runtime.txt", "image.txt", "build.txt"))
FEW: Final = 3  # questions to see whether anybody answers, rather than 200 without an answer
TIMEOUT_S: Final = 15  # of one question
# How pip-audit ends when it gets no answer: an exception of requests, or its own words.
UNREACHED: Final = re.compile(
    r"requests\.exceptions\.|Could not connect|ServiceError|network may be blocking"
)


@dataclass(slots=True)
class Findings:
    """What the answers come to; each text is one line for a person."""

    asked: set[str] = field(default_factory=set)
    holes: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What to print: never that there is no hole where nobody answered."""
        said = [*self.holes, *self.waiting]
        if self.unanswered:
            said.append(
                f"NOT AUDITED: {len(self.unanswered)} packages, as the vulnerability service gave no answer; "
                f"whether they have holes is not known. For the first: {self.unanswered[0]}"
            )
        if self.asked:
            said.append(
                f"audit: {len(self.asked)} locked packages asked about, {len(self.holes)} holes to close"
            )
        return said

    def exit_code(self, *, if_reachable: bool) -> int:
        """0, 1 or 2, as the module says."""
        if self.holes:
            return 1
        return 2 if self.unanswered and not if_reachable else 0


def judge(answers: Iterable[Mapping[str, Any]], policy: Policy, today: date) -> Findings:
    """What pip-audit's answers come to: each has `name`, and `version` and `vulns`, or `skip_reason`."""
    findings = Findings()
    for answer in answers:
        if reason := answer.get("skip_reason"):
            findings.unanswered.append(reason)
            continue
        findings.asked.add(f"{answer['name']} {answer['version']}")
        for hole in answer["vulns"]:
            closed = ", ".join(hole["fix_versions"]) or "no version yet"
            line = f"{answer['name']} {answer['version']}: {hole['id']}, closed in {closed}"
            reason = _reason_to_wait(answer["name"], {hole["id"], *hole["aliases"]}, policy, today)
            if reason is None:
                findings.holes.append(line)
            else:
                findings.waiting.append(f"{line}; waits: {reason}")
    return findings


def _reason_to_wait(package: str, names: set[str], policy: Policy, today: date) -> str | None:
    for entry in policy.waiting:
        if entry["package"] == package and entry["hole"] in names and today <= entry["until"]:
            return f"{entry['reason']} (until {entry['until']})"
    return None


def questions(locks: Iterable[Path]) -> list[list[str]]:
    """Every locked version once, as `name==version`, whatever machine it is for; a name once in each list."""
    lists: list[dict[str, str]] = []
    for name, version in sorted({(each.name, each.version) for lock in locks for each in read_lock(lock)}):
        free = next((each for each in lists if name not in each), None)
        if free is None:
            lists.append(free := {})
        free[name] = version
    return [[f"{name}=={version}" for name, version in each.items()] for each in lists]


def ask_all(lists: Iterable[list[str]], options: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The answers to all questions; after the first few only if one of those had an answer."""
    first, *others = lists
    few = ask(first[:FEW], options)
    yield from few
    if all("skip_reason" in each for each in few):
        yield from ({**few[0], "name": each} for rest in (first[FEW:], *others) for each in rest)
        return
    for rest in (first[FEW:], *others):
        yield from ask(rest, options)


def ask(packages: list[str], options: Sequence[str]) -> list[dict[str, Any]]:
    """The answers of pip-audit; all without one when the service was not reached.

    Raises:
        SystemExit: pip-audit itself did not work.

    """
    with TemporaryDirectory() as directory:
        asked = Path(directory, "requirements.txt")
        asked.write_text("\n".join(packages), encoding="utf-8")
        command = [
            sys.executable, "-m", "pip_audit", "--requirement", str(asked), "--no-deps", "--disable-pip",
            "--format", "json", "--progress-spinner", "off", "--timeout", str(TIMEOUT_S), *options,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own
    try:
        answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if not UNREACHED.search(done.stderr):
            raise SystemExit(f"pip-audit does not work: {last}") from None
        return [{"name": each, "skip_reason": last} for each in packages]
    return answers


def main() -> int:
    """Ask, print what came of it, give the exit code; other options go to pip-audit."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--if-reachable", action="store_true", help="no answer is said, but is no failure")
    asked, options = parser.parse_known_args()
    findings = judge(ask_all(questions(LOCKS), options), Policy.read(), datetime.now(UTC).date())
    print(*findings.lines(), sep="\n")  # noqa: T201  the result of the command
    return findings.exit_code(if_reachable=asked.if_reachable)


if __name__ == "__main__":
    sys.exit(main())
