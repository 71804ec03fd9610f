"""What the list of dead letters shows: groups of what is alike, and a page of single letters; no IO."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from connector.delivery.codes import CODES
from connector.delivery.letter_groups import day_of
from connector.edges.console.letter_filters import NO_MAPPING, By, Filters
from connector.edges.console.letter_reading import MOST_RECORDS, Read, Row
from connector.edges.console.letter_shown import shown_key, when
from connector.edges.console.plain_text import plain

PAGE: Final = 50  # letters
MOST_GROUPS: Final = 100


class Listed(NamedTuple):
    """What passes the filters: a page of letters, and all of them counted."""

    rows: list[Row]
    in_all: int
    groups: list[Group]
    groups_in_all: int
    page: int
    pages: int


class Group(NamedTuple):
    """Letters that are alike; times in milliseconds since the epoch."""

    names: tuple[str, ...]
    letters: int
    oldest: int
    newest: int


def listed(read: Read, filters: Filters, by: By, page: int) -> Listed:
    """Choose and count."""
    rows = [row for row in read.rows if _takes(filters, row)]
    groups = _groups(rows, by)
    pages = max(-(-len(rows) // PAGE), 1)
    page = min(max(page, 1), pages)
    shown = rows[(page - 1) * PAGE : page * PAGE]
    return Listed(shown, len(rows), groups[:MOST_GROUPS], len(groups), page, pages)


def _takes(filters: Filters, row: Row) -> bool:
    return (
        filters.state in ("all", row.state)
        and (not filters.codes or row.code in filters.codes)
        and (not filters.mappings or row.mapping in filters.mappings)
        and (filters.since is None or row.timestamp >= filters.since)
        and (filters.until is None or row.timestamp < filters.until)
    )


def _groups(rows: Iterable[Row], by: By) -> list[Group]:
    found: dict[tuple[str, ...], list[int]] = {}
    for row in rows:
        at = row.timestamp
        group = found.get(names := _names(row, by))
        if group is None:
            found[names] = [1, at, at]
        else:
            group[0] += 1
            group[1], group[2] = min(group[1], at), max(group[2], at)
    groups = [Group(names, *numbers) for names, numbers in found.items()]
    if by == "day":
        return sorted(groups, key=lambda group: group.names, reverse=True)
    return sorted(groups, key=lambda group: (-group.letters, group.names))


def _names(row: Row, by: By) -> tuple[str, ...]:
    match by:
        case "code":
            return (row.code,)
        case "mapping":
            return (row.mapping,)
        case "code and mapping":
            return row.code, row.mapping
        case "day":
            return (day_of(row.timestamp),)


def list_values(
    read: Read, found: Listed, filters: Filters, by: By, mappings: Iterable[str], *, reveals: bool
) -> dict[str, Any]:
    """Give what the page shows; `mappings` are those of the configuration."""
    columns = {"code": ("code",), "mapping": ("mapping",), "day": ("day",)}.get(by, ("code", "mapping"))
    codes = dict.fromkeys((*CODES, *sorted({row.code for row in read.rows}), *filters.codes))
    known = {row.mapping for row in read.rows[:MOST_RECORDS]} | {*mappings, *filters.mappings}
    return {
        "filters": filters,
        "by": by,
        "codes": [(code, plain(code)) for code in codes],
        "mappings": [(name, plain(name)) for name in (NO_MAPPING, *sorted(known - {""}))],
        "chosen_mappings": [mapping or NO_MAPPING for mapping in filters.mappings],
        "columns": columns,
        "groups": [_group(group, columns, filters) for group in found.groups],
        "groups_left": found.groups_in_all - len(found.groups),
        "rows": [_row(row, reveals=reveals) for row in found.rows],
        "in_all": found.in_all,
        "page": found.page,
        "pages": found.pages,
        "hidden": [*filters.fields(), ("by", by)],
        "earlier": filters.query(by=by, page=found.page + 1),
        "later": filters.query(by=by, page=found.page - 1),
        "read": read,
        "most": MOST_RECORDS,
    }


def _group(group: Group, columns: tuple[str, ...], filters: Filters) -> dict[str, Any]:
    shown = {
        "names": [plain(name) or _UNNAMED[column] for column, name in zip(columns, group.names, strict=True)],
        "count": group.letters,
        "oldest": when(group.oldest),
        "newest": when(group.newest),
        "query": "",
    }
    if columns != ("day",) and not filters.user:
        own = dict(zip(columns, group.names, strict=True))
        fields = [(name, value) for name, value in filters.fields() if name not in own]
        fields += [(name, value or NO_MAPPING) for name, value in own.items()]
        shown["query"] = urlencode([*fields, ("by", " and ".join(columns))], errors="replace")
    return shown


def _row(row: Row, *, reveals: bool) -> dict[str, Any]:
    return {
        "place": str(row.place),
        "at": when(row.timestamp),
        "code": plain(row.code),
        "mapping": plain(row.mapping),
        "of_ingest": not row.destination,
        "redrives": row.redrives,
        "state": str(row.state),
        "message": plain(row.message),
        "key": shown_key(row.key, reveals=reveals),
    }


_UNNAMED: Final[Mapping[str, str]] = {"code": "(no code)", "mapping": NO_MAPPING, "day": "(no time)"}
