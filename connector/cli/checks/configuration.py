"""The destination file."""

from __future__ import annotations

from connector.cli.checks.finding import Finding
from connector.errors import ConfigurationError
from connector.settings import Settings


def configuration_findings(settings: Settings) -> tuple[list[Finding], str | None]:
    """Check the destination file; the second is the destination's id, None without a file that compiles."""
    from connector.edges.destination_file import read_destination_file  # noqa: PLC0415

    file, what = settings.destination_file, "destination"
    try:  # without the keys: what is wrong with those is told on the side of Encharge
        destination = read_destination_file(file).compile(api_key="")
    except ConfigurationError as error:
        found = [Finding("configuration", what, ok=False, seen=str(each)) for each in error.problems]
        return found, None
    seen = f"{file}: {len(destination.mappings)} enabled mappings"
    return [Finding("configuration", what, ok=True, seen=seen)], destination.id
