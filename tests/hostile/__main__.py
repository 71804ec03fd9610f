"""Bad input at volume: hostile records through real workers on a real Kafka, judged from outside.

    .venv/bin/python -m tests.hostile [--records 200000] [--seed 1] [--processes 1] [--markdown FILE]

Prints the figures and ends with 1 if something was not kept. The flood guard is off, as so many dead letters
would pause the destination, which is its task.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from connector.embedded import EmbeddedKafka
from tests.hostile.report import markdown
from tests.hostile.story import run
from tests.kafka.stack import Stack


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--processes", type=int, action="append", help="may be given again: one run each; 1 and 2"
    )
    parser.add_argument(
        "--rare", type=int, default=40, help="records of each rare kind, 10 MB texts among them"
    )
    parser.add_argument("--markdown", type=Path, help="write the report there, too")
    parser.add_argument("--version", help="what is told as the version; the commit at hand when left out")
    options = parser.parse_args()
    outcomes = []
    for processes in options.processes or [1, 2]:
        print(f"{options.records} records, seed {options.seed}, {processes} workers", flush=True)
        with (
            tempfile.TemporaryDirectory() as directory,
            EmbeddedKafka() as kafka,
            Stack(kafka.bootstrap_servers, Path(directory)) as stack,
        ):
            outcomes.append(
                run(
                    stack, records=options.records, seed=options.seed, processes=processes, rare=options.rare,
                    within_s=7200, tell=lambda text: print(text, flush=True),
                )
            )  # fmt: skip
        for breach in outcomes[-1].breaches():
            print(f"BROKEN {breach}", flush=True)
        text = _told(outcomes, options)
        if options.markdown:
            options.markdown.write_text(text)  # after each run, as the next one takes long
    print(text)
    return 1 if any(outcome.breaches() for outcome in outcomes) else 0


def _told(outcomes, options):
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return markdown(outcomes, options.records, options.seed, options.version or _commit(), when)


def _commit():
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
