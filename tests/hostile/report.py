"""The figures of hostile runs as Markdown."""

from tests.hostile.records import Kinds


def markdown(outcomes, records, seed, commit, when):
    """Give the report of runs of the same records, one column a run."""
    lines = [
        f"Run of {when}, commit `{commit}`, `python -m tests.hostile --records {records} --seed {seed}`.",
        "",
        "| | "
        + " | ".join(f"{each.processes} worker{'s' * (each.processes > 1)}" for each in outcomes)
        + " |",
        "|---|" + "--:|" * len(outcomes),
    ]
    lines += [f"| {name} | " + " | ".join(map(figure, outcomes)) + " |" for name, figure in _FIGURES]
    codes = sorted(set().union(*(each.verdict.letters for each in outcomes)))
    lines += [
        "",
        "| dead letters | "
        + " | ".join("expected exactly, found; either way, found" for _ in outcomes)
        + " |",
    ]
    lines += ["|---|" + "--:|" * len(outcomes)]
    for code in codes:
        cells = (
            f"{v.exact_expected[code]}, {v.exact_found[code]}; {v.letters[code] - v.exact_found[code]}"
            for v in (each.verdict for each in outcomes)
        )
        lines.append(f"| `{code}` | " + " | ".join(cells) + " |")
    lines += [
        "",
        "| kind | records | accepted requests | dead letters | no mapping matched |",
        "|---|--:|--:|---|--:|",
    ]
    for kind, row in outcomes[0].verdict.rows.items():
        told = (
            getattr(Kinds, kind, None) and getattr(Kinds, kind).__doc__
        ) or "well-formed events of 200 people"
        letters = ", ".join(f"`{code}` {count}" for code, count in sorted(row.letters.items()))
        lines.append(f"| {told} | {row.records} | {row.accepted} | {letters} | {row.filtered} |")
    return "\n".join(lines) + "\n"


def _silences(what):
    return lambda outcome: ", ".join(f"{getattr(each, what):.2f} s" for each in outcome.silences)


_FIGURES = (
    ("records written", lambda each: f"{each.verdict.records:,}"),
    ("of these hostile", lambda each: f"{each.verdict.records - _real(each):,}"),
    ("megabytes", lambda each: f"{each.sent_mb:,.0f}"),
    ("seconds until all was settled", lambda each: f"{each.seconds:.0f}"),
    ("accepted requests", lambda each: f"{each.verdict.accepted:,}"),
    ("dead letters", lambda each: f"{sum(each.verdict.letters.values()):,}"),
    ("settled without a match", lambda each: f"{each.verdict.filtered:,}"),
    ("missing", lambda each: str(len(each.verdict.missing))),
    ("other than expected", lambda each: str(len(each.verdict.wrong) + len(each.verdict.unknown))),
    ("order of people broken", lambda each: str(len(each.verdict.violations))),
    ("longest silence of a worker", _silences("longest_s")),
    ("longest silence of the control", _silences("control_s")),
    ("longest wait for a processor in a silence", _silences("starved_s")),
    ("longest silence beyond both", _silences("beyond_s")),
    ("questions answered", lambda each: ", ".join(f"{one.asked:,}" for one in each.silences)),
    ("longest time without an accepted event of a person who waited", lambda each: f"{each.wait_s:.2f} s"),
    (
        "plain trips through Kafka to the simulator: longest, median",
        lambda each: ", ".join(f"{s:.3f} s" for s in each.trip_s),
    ),
    ("moments in which a group was not stable", lambda each: str(len(each.unstable))),
    ("highest resident memory", lambda each: ", ".join(f"{mb:.0f} MB" for mb in each.memory_mb)),
    ("exit codes after SIGTERM", lambda each: ", ".join(map(str, each.exit_codes))),
    ("not kept", lambda each: str(len(each.breaches()))),
)


def _real(outcome):
    row = outcome.verdict.rows.get("real people")
    return row.records if row else 0
