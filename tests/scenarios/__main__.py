"""`python -m tests.scenarios`: the scenarios as the promise words them, on a real Kafka, again and again.

One line per run; a table in Markdown and JSON Lines in the folder of the report. Exit 1 on any breach.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from connector.embedded import EmbeddedKafka
from tests.scenarios import report
from tests.scenarios.catalogue import SCENARIOS
from tests.scenarios.running import run
from tests.scenarios.scale import FULL, SHORT


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, end)
    names = options.scenario or list(SCENARIOS)
    scale = SHORT if options.short else FULL
    results = []
    with EmbeddedKafka() as kafka:
        for number in range(1, options.repeat + 1):
            seed = options.seed + number - 1
            for name in names:
                results.append(one(name, kafka, scale, seed, number, options.logs))
                print(results[-1].line(), flush=True)
                report.write(options.report, results)
    bad = [each for each in results if not each.is_good]
    print(f"{len(results)} runs, {len(bad)} with a breach; see {options.report}/scenarios.md")
    sys.exit(1 if bad else 0)


def end(*_):
    """End by an exception, so that brokers and workers end with us; a second signal must not cut that short."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


def one(name, kafka, scale, seed, number, logs):
    """Run a scenario once; the logs of the workers are kept only where somebody wants them."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        if logs:
            directory = logs / f"{name}-{seed}"
            directory.mkdir(parents=True, exist_ok=True)
        return run(name, SCENARIOS[name], kafka, directory, scale=scale, seed=seed, number=number)


def arguments():
    parser = argparse.ArgumentParser(
        prog="python -m tests.scenarios",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS), help="only this; repeatable")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each (default 5)")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first run, one more with each (default 1)"
    )
    parser.add_argument("--short", action="store_true", help="the short form that `make test` runs")
    parser.add_argument(
        "--report", type=Path, default=Path("build/scenarios"), help="folder (default build/scenarios)"
    )
    parser.add_argument("--logs", type=Path, help="folder in which to keep the logs of the workers")
    return parser.parse_args()


if __name__ == "__main__":
    main()
