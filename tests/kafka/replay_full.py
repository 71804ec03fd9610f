"""The full form of the replay story: 20,000 events, two processes, one killed, live delivery measured beside it.

    .venv/bin/python -m tests.kafka.replay_full [--rate 200] [--live 50]

Prints the figures and ends with 1 if a promise was broken. Takes about three minutes; the machine should be quiet.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from connector.embedded import EmbeddedKafka
from tests.kafka.replay_story import IN_FLIGHT, ReplayStory, forget_and_replay
from tests.kafka.stack import Stack

MOST_RISE = 0.5  # of the live events' p99


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--live", type=float, default=50)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--per-person", type=int, default=40)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        EmbeddedKafka() as kafka,
        Stack(kafka.bootstrap_servers, Path(directory)) as stack,
        ReplayStory(stack) as story,
    ):
        found = forget_and_replay(
            story, people=options.people, per_person=options.per_person, rate=options.rate,
            live_rate=options.live, quiet_s=40,
        )  # fmt: skip
    rise = found.live.p99_s / found.quiet.p99_s - 1
    promises = {
        "the plan predicts the counts": found.plan["counts"]["by_mapping"] == found.before,
        "exactly these requests": found.sent == found.before
        and not found.replayed.lost
        and not found.replayed.wrong,
        "order of each person": not found.replayed.violations and not found.live.violations,
        "duplicates within the bound": found.replayed.duplicates <= found.bound,
        "live events: none lost or repeated": not found.live.lost and found.live.duplicates == 0,
        "live p99 rises by less than 50 %": rise < MOST_RISE,
        "ended well": found.report.code == 0 and found.listed[0]["state"] == "done",
    }
    figures = {
        "events": found.plan["counts"]["chosen"],
        "rate_per_s": options.rate,
        "seconds": round(found.seconds, 1),
        "killed_after": found.killed_after,
        "duplicates": found.replayed.duplicates,
        "bound": {
            "in_flight": found.parts_of_bound[0],
            "of the last commit interval": found.parts_of_bound[1],
        },
        "window_of_a_process": IN_FLIGHT,
        "live_p50_ms": [round(each.p50_s * 1000, 1) for each in (found.quiet, found.live)],
        "live_p99_ms": [round(each.p99_s * 1000, 1) for each in (found.quiet, found.live)],
        "live_p99_rise": f"{rise:+.0%}",
        "slow_live_events_by_second": dict(sorted(found.slow.items())),
        "by_mapping": found.before,
    }
    print(json.dumps(figures, indent=2))
    for promise, kept in promises.items():
        print(f"{'kept  ' if kept else 'BROKEN'} {promise}")
    return 0 if all(promises.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
