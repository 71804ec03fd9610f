"""`encharge-connector demo`: everything together, judged."""

from __future__ import annotations

from dataclasses import fields

import click

from connector.cli.output import json_option, print_json


@click.command("demo")
@click.option("--events", type=click.IntRange(100, 1_000_000), default=5000, show_default=True)
@click.option("--people", type=click.IntRange(1, 100_000), default=300, show_default=True)
@click.option("--rate", type=click.FloatRange(1), default=250.0, show_default=True, help="Events a second.")
@click.option("--seed", type=int, default=1, show_default=True, help="Other events.")
@click.option("--keep", is_flag=True, help="Leave Kafka and Encharge running at the end.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, *, events: int, people: int, rate: float, seed: int, keep: bool, as_json: bool
) -> None:
    """Run the connector on an embedded Kafka and a simulated Encharge, kill a worker, judge the result.

    Exits 0 only when nothing was lost and the order of every person was kept.

    \b
    Example:
      encharge-connector demo --events 20000 --rate 500
    """
    from connector.demo.scenario import Demo, Plan, duplicate_bound  # noqa: PLC0415
    from connector.demo.view import View  # noqa: PLC0415
    from connector.edges.logs import set_up_logs  # noqa: PLC0415

    set_up_logs("error", "console")
    plan = Plan(events=events, people=people, events_per_second=rate, seed=seed, keep=keep)
    with View(events, to_stderr=as_json) as view:
        verdict = Demo(plan, view).run()
    if as_json:
        told = {each.name: getattr(verdict, each.name) for each in fields(verdict)}
        more = {"most_duplicates": duplicate_bound(plan), "good": verdict.is_good}
        print_json({**told, "dead_letters": dict(verdict.dead_letters), **more})
    else:
        view.show(verdict, bound=duplicate_bound(plan))
        click.echo(
            f"lost {len(verdict.lost)}, order violations {len(verdict.violations)}: "
            + ("as promised" if verdict.is_good else "NOT as promised")
        )
    ctx.exit(0 if verdict.is_good else 1)
