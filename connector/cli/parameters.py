"""What options and arguments may be: refused at once, in the words of the settings."""

from __future__ import annotations

from pathlib import Path

import click

from connector.errors import ConfigurationError
from connector.settings import topic


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
