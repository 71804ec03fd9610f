"""Everything that decides what is sent, read from its files: destination, response rules, keys."""

from __future__ import annotations

from dataclasses import dataclass

from connector.core import Destination
from connector.core.request import Endpoints
from connector.delivery.context import Configuration
from connector.delivery.planner import discard, plan_with
from connector.delivery.response_rules import ResponseRules, read_rules
from connector.edges.destination_file import DestinationFile, read_destination_file
from connector.errors import ConfigurationError, Problem
from connector.settings import Settings

MANY_MAPPINGS = 40  # of the 50 that are allowed; from here on it is worth a warning


@dataclass(frozen=True, slots=True)
class Deliverable:
    """A compiled destination; `version` changes with its file, which is `file`."""

    destination: Destination
    rules: ResponseRules
    endpoints: Endpoints
    version: str
    file: DestinationFile

    @property
    def holds(self) -> bool:
        """Whether events wait until the destination is enabled."""
        return not self.destination.enabled and self.destination.when_disabled == "hold"

    @property
    def has_many_mappings(self) -> bool:
        """Whether the limit of mappings is near."""
        return len(self.destination.mappings) >= MANY_MAPPINGS

    def configuration(self, *, largest_record: int, generation: int) -> Configuration:
        """Give what a dispatcher needs of it."""
        discards = not self.destination.enabled and self.destination.when_disabled == "discard"
        plan = discard if discards else plan_with(self.destination, largest_record=largest_record)
        return Configuration(
            self.destination.id, self.version, plan, self.rules, discards=discards, generation=generation,
            largest_record=largest_record,
        )  # fmt: skip


def read_deliverable(settings: Settings) -> Deliverable:
    """Read and compile.

    Raises: ConfigurationError with file, line and column of every problem
    """
    file = read_destination_file(settings.destination_file)
    if settings.encharge_api_key is None:
        raise ConfigurationError(
            Problem("is required to deliver; or set …_FILE", path="CONNECTOR_ENCHARGE_API_KEY")
        )
    endpoints = Endpoints(
        settings.encharge_api_key,
        settings.encharge_ingest_url,
        settings.encharge_api_url,
        settings.encharge_write_key,
    )
    problems: list[Problem] = []
    rules = _rules(file, problems)
    try:
        destination = file.compile(
            api_key=endpoints.api_key,
            write_key=endpoints.write_key,
            ingest_url=endpoints.ingest_url,
            api_url=endpoints.api_url,
        )
    except ConfigurationError as error:
        raise ConfigurationError([*error.problems, *problems]) from error
    if problems:
        raise ConfigurationError(problems)
    return Deliverable(destination, rules, endpoints, file.version, file)


def _rules(file: DestinationFile, problems: list[Problem]) -> ResponseRules:
    try:
        return read_rules(file.config.get("responses"))
    except ConfigurationError as error:
        problems += map(file.locate, error.problems)
        return ResponseRules()
