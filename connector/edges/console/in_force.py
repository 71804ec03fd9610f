"""The destination that a worker goes by, as the console shows and tries it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from connector.core import Destination
from connector.core.explain_json import KEY_SHOWN
from connector.core.presets import preset_mappings
from connector.core.request import Endpoints
from connector.edges.console.parts import Process
from connector.edges.deliverable import Deliverable
from connector.edges.destination_file import DestinationFile, read_destination_file
from connector.errors import ConfigurationError
from connector.settings import Settings

NO_FILE = "presets"  # id of the destination that is tried where there is no file


@dataclass(frozen=True, slots=True)
class InForce:
    """A destination, with the file it was read from.

    config       as the file says it, with the presets where it has no `mappings`
    file         None when there is none, or none that can be read
    deliverable  None in a process that delivers nothing
    problems     of the file as it is now; a process that delivers goes by the version before
    """

    config: Mapping[str, Any]
    file: DestinationFile | None
    deliverable: Deliverable | None = None
    problems: Sequence[str] = field(default=())

    @property
    def listed(self) -> list[Any]:
        """What stands in the list of mappings, whatever it is."""
        mappings = self.config["mappings"]
        return mappings if isinstance(mappings, list) else []

    @property
    def mappings(self) -> list[Mapping[str, Any]]:
        """All mappings that are objects with a name, also the disabled ones."""
        return [each for each in self.listed if isinstance(each, dict) and isinstance(each.get("name"), str)]

    @property
    def has_presets(self) -> bool:
        """Whether the mappings are the presets, which stand in no file."""
        return self.file is None or self.file.config.get("mappings") is None

    @property
    def version(self) -> str:
        """What changes with the file; empty without one."""
        return "" if self.file is None else self.file.version


def of_file(
    file: DestinationFile, deliverable: Deliverable | None = None, problems: Sequence[str] = ()
) -> InForce:
    """Give what a file says."""
    config = dict(file.config)
    if config.get("mappings") is None:
        config["mappings"] = preset_mappings()
    return InForce(config, file, deliverable, problems)


async def in_force(process: Process) -> InForce:
    """Give what this process goes by; one that delivers nothing reads the file as it is now."""
    deliverable = process.deliverable()
    if deliverable is not None:
        return of_file(deliverable.file, deliverable, process.facts().get("config_problems", ()))
    try:
        return await asyncio.to_thread(_read, process.settings)
    except ConfigurationError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return InForce({"id": NO_FILE, "mappings": preset_mappings()}, None)
        return InForce({"id": "", "mappings": []}, None, None, list(map(str, error.problems)))


def _read(settings: Settings) -> InForce:
    file = read_destination_file(settings.destination_file)
    try:
        compile_shown(file.config, settings)
    except ConfigurationError as error:
        return of_file(file, None, [str(file.locate(problem)) for problem in error.problems])
    return of_file(file)


def compile_shown(config: Mapping[str, Any], settings: Settings) -> Destination:
    """Compile a destination whose requests are shown and not sent, as `explain` does.

    Raises: ConfigurationError, its problems without file and line
    """
    endpoints = Endpoints(KEY_SHOWN, settings.encharge_ingest_url, settings.encharge_api_url)
    return compile_with(config, endpoints)


def compile_with(config: Mapping[str, Any], endpoints: Endpoints) -> Destination:
    """Compile a destination, refusing what a destination file may not say.

    Raises: ConfigurationError, its problems without file and line
    """
    try:
        return DestinationFile(Path(), dict(config), {}, "").compile(
            api_key=endpoints.api_key,
            write_key=endpoints.write_key,
            ingest_url=endpoints.ingest_url,
            api_url=endpoints.api_url,
        )
    except ConfigurationError as error:
        raise ConfigurationError(
            replace(each, file="", line=None, column=None) for each in error.problems
        ) from error
