"""`python -m tests.soak`: faults at random under load, on a real Kafka; the report is one HTML file.

Prints the seed first, a line a minute, and the figures at the end. Exit 1 on any breach of the promise.
"""

import argparse
import random
import signal
import sys
import tempfile
from pathlib import Path

from connector.settings import duration
from tests.soak import report
from tests.soak.running import run


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, end)
    print(
        f"seed {options.seed}; again: SEED={options.seed} SOAK={options.seconds:.0f}s make soak", flush=True
    )
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.logs or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        result = run(
            directory,
            seed=options.seed,
            seconds=options.seconds,
            rate=options.rate,
            people=options.people,
            workers=options.workers,
            tell=lambda text: print(text, flush=True),
        )
    file = report.write(options.report, result)
    print(result.line())
    for breach in result.breaches:
        print(f"    BREACH {breach}")
    print(f"see {file}")
    sys.exit(0 if result.is_good else 1)


def end(*_):
    """End by an exception, so that brokers and workers end with us; a second signal must not cut that short."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


def arguments():
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--for", dest="seconds", type=duration(20.0), default=1800.0, help="e.g. 30m, 8h (default 30m)"
    )
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="of the faults; any at first"
    )
    parser.add_argument("--rate", type=float, default=150.0, help="events a second (default 150)")
    parser.add_argument("--people", type=int, default=300, help="who do something (default 300)")
    parser.add_argument("--workers", type=int, default=3, help="at a time (default 3)")
    parser.add_argument("--report", type=Path, default=Path("build/soak"), help="folder (default build/soak)")
    parser.add_argument("--logs", type=Path, help="folder in which to keep the logs of the workers")
    return parser.parse_args()


if __name__ == "__main__":
    main()
