"""`encharge-connector test`: do events become the requests that cases expect? Sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

import click

from connector.cli.differences import changes_as_json, difference_lines, print_coloured
from connector.cli.events import events_in, file_name
from connector.cli.output import json_option, print_json, read_settings
from connector.core import Destination
from connector.core.case_format import case_value
from connector.core.cases import Case, case_name, judge, record
from connector.core.file_value import why_unfit
from connector.core.planned_diff import Difference
from connector.edges.cases_file import LocatedCase, add_cases, beside, case_files, read_cases
from connector.edges.destination_file import read_destination_file
from connector.edges.junit import JUnitCase, junit_xml
from connector.errors import ConfigurationError, OperationalError, Problem

_WORDS: Final = {"vanished": "missing", "appeared": "unexpected", "changed": "changed"}


@click.command("test")
@click.argument("cases", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--destination",
    type=click.Path(path_type=Path),
    help="Destination file; CONNECTOR_DESTINATION_FILE when left out.",
)
@click.option("--record", "recording", is_flag=True, help="Add a case for each event, expecting what is now.")
@click.option(
    "--events", type=click.File("rb"), help="With --record: events, JSON Lines; - or left out: stdin."
)
@click.option(
    "--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write a JUnit XML report, too."
)
@json_option
def command(
    *,
    cases: tuple[Path, ...],
    destination: Path | None,
    recording: bool,
    events: BinaryIO | None,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Check that events become the requests that cases expect. Exits 1 when one does not.

    CASES are files, or directories with files *.cases.yaml; when left out, destination.cases.yaml beside
    the destination file.

    \b
    Example:
      encharge-connector test --record --events events.jsonl
      encharge-connector test
    """
    path = destination or read_settings().destination_file
    # The public addresses and no key: cases say the same on every machine.
    compiled = read_destination_file(path).compile(api_key="")
    given = cases or (beside(path),)
    if not recording:
        if events is not None:
            raise click.UsageError("--events goes with --record: cases bring their own events.")
        _test(given, compiled, junit, as_json=as_json)
        return
    if junit is not None:
        raise click.UsageError("--junit does not go with --record: nothing is tested.")
    if len(given) != 1 or given[0].is_dir():
        raise click.UsageError("--record adds to one file of cases.")
    _record(given[0], events or click.get_binary_stream("stdin"), compiled, as_json=as_json)


def _test(given: Sequence[Path], destination: Destination, junit: Path | None, *, as_json: bool) -> None:
    files = dict.fromkeys(file for path in given for file in case_files(path))
    located = [case for file in files for case in read_cases(file)]
    if not located:
        raise ConfigurationError(
            Problem("holds no case; `encharge-connector test --record` adds some", file=str(file))
            for file in files
        )
    reports, failed = [], 0
    for each in located:
        differences = judge(each.case, destination)
        failed += bool(differences)
        lines = [line for one in differences for line in difference_lines(one, _WORDS[one.kind])]
        reports.append(JUnitCase(str(each.file), each.line, each.case.name, tuple(lines)))
        if as_json:
            print_json(_as_json(each, differences))
        else:
            _print_case(each, lines)
    if not as_json:
        click.echo(f"{_cases(len(located))}, {failed} failed")
    if junit is not None:
        _write(junit, junit_xml(reports))
    click.get_current_context().exit(1 if failed else 0)


def _record(path: Path, events: BinaryIO, destination: Destination, *, as_json: bool) -> None:
    taken = {each.case.name for each in read_cases(path)} if path.exists() else set()
    recorded: list[Case] = []
    for line, event in events_in(events):
        case = record(case_name(event, line, taken), event, destination)
        unfit = why_unfit(event) or why_unfit([dict(each) for each in case.expected.values()])
        if unfit:
            message = f"{unfit}, so no file of cases can hold it"
            raise ConfigurationError(Problem(message, file=file_name(events), line=line))
        taken.add(case.name)
        recorded.append(case)
    if recorded:
        add_cases(path, recorded)
    if as_json:
        for case in recorded:
            print_json({"file": str(path), "case": case.name, "expect": case_value(case)["expect"]})
    else:
        click.echo(f"{_cases(len(recorded))} added to {path}")


def _as_json(located: LocatedCase, differences: Sequence[Difference]) -> dict[str, object]:
    return {
        "file": str(located.file),
        "line": located.line,
        "case": located.case.name,
        "passed": not differences,
        "differences": [
            {
                "mapping": each.mapping,
                "kind": _WORDS[each.kind],
                "note": each.note,
                "changes": changes_as_json(each.changes, "expected", "actual"),
            }
            for each in differences
        ],
    }


def _print_case(located: LocatedCase, lines: Sequence[str]) -> None:
    if not lines:
        click.echo(f"{click.style('ok  ', fg='green')} {located.case.name}")
        return
    click.echo(f"{click.style('FAIL', fg='red')} {located.file}:{located.line}: {located.case.name}")
    for line in lines:
        print_coloured(line, indent=5)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise OperationalError(f"{path} cannot be written: {error.strerror}") from error


def _cases(count: int) -> str:
    return f"{count} case{'' if count == 1 else 's'}"
