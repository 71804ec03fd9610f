"""The results of scenario runs as JSON Lines, and as a table in Markdown."""

import json

COLUMNS = (
    "scenario", "run", "seed", "produced", "accepted", "dead-lettered", "lost", "violations", "duplicates",
    "bound", "seconds", "notes",
)  # fmt: skip


def table(results):
    rows = [
        (
            each.scenario, each.run, each.seed, each.produced, each.accepted, each.dead_lettered, each.lost,
            each.violations, each.duplicates, each.bound, f"{each.seconds:.0f}",
            "; ".join([*(f"{name} {value}" for name, value in each.notes.items()), *each.breaches]),
        )
        for each in results
    ]  # fmt: skip
    lines = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def write(directory, results):
    """Write both files anew: after every run, so that an interrupted run keeps what it has."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "scenarios.jsonl").write_text("".join(json.dumps(each.as_json()) + "\n" for each in results))
    (directory / "scenarios.md").write_text(table(results))
