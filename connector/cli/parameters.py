"""What options and arguments may be: refused at once, in the words of the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from connector.core.presets import PRESETS
from connector.errors import ConfigurationError
from connector.settings import topic

MOST_PARTITIONS: Final = 10_000


class TopicName(click.ParamType):
    """A name that Kafka allows for a topic."""

    name = "topic"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Give the name back, or refuse it as the setting would be."""
        try:
            return topic(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DestinationId(click.ParamType):
    """An id that a destination may have; it becomes part of the consumer group's name."""

    name = "id"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Give the id back, or refuse it as a destination file's would be."""
        from connector.edges.destination_file import DestinationFile  # noqa: PLC0415  slow, and seldom asked

        try:
            DestinationFile(Path(), {"id": value}, {}, "").compile(api_key="")
        except ConfigurationError as error:
            self.fail(error.problems[0].message, param, ctx)
        return value


class Presets(click.ParamType):
    """Presets by name or by their number in the list, separated by commas; `all` is all of them."""

    name = "presets"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Give the actions of the presets, in their own order."""
        chosen = set()
        for word in str(value).replace(",", " ").split():
            if word.lower() == "all":
                chosen |= set(PRESETS)
            elif word.isdecimal() and 0 < int(word[:3]) <= len(PRESETS):
                chosen.add(PRESETS[int(word) - 1])
            elif word in PRESETS:
                chosen.add(word)
            else:
                self.fail(f"{word!r} is no preset; they are {', '.join(PRESETS)}", param, ctx)
        if not chosen:
            self.fail("name at least one preset, or all", param, ctx)
        return tuple(each for each in PRESETS if each in chosen)


class PartitionCount(click.ParamType):
    """A topic and a number of partitions, TOPIC=COUNT; gives the pair."""

    name = "topic=count"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """Give name or role of the topic, and the number."""
        if isinstance(value, tuple):
            return value
        topic_, _, count = str(value).rpartition("=")
        if not topic_ or not count.isdecimal() or not 0 < int(count[:9]) <= MOST_PARTITIONS:
            self.fail(f"{value!r} is no TOPIC=COUNT with a count up to {MOST_PARTITIONS}", param, ctx)
        return topic_, int(count)
