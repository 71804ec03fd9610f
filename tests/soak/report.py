"""The report of a soak: one HTML file that needs nothing beside it, and its figures as JSON."""

import json
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tests.soak.plots import plots
from tests.soak.running import MODULES, MOST_GROWN_DESCRIPTORS, MOST_GROWN_MB, count_kinds

HERE = Path(__file__).parent
WORDS = {
    "group": "workers and Kafka",
    "endgame": "workers and Kafka, at the end",
    "encharge": "Encharge and the way to it",
    "operator": "operators and producers",
}


def write(directory, result):
    """Write soak-SEED.html and soak-SEED.json; give the path of the first."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"soak-{result.seed}.html"
    file.write_text(html(result))
    figures = {
        key: value for key, value in result.as_json().items() if key not in ("vitals", "series", "delays")
    }
    (directory / f"soak-{result.seed}.json").write_text(json.dumps(figures, indent=1) + "\n")
    return file


def html(result):
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    environment.filters["clock"] = lambda seconds: f"{int(seconds // 60)}:{int(seconds % 60):02d}"
    return environment.get_template("report.html.jinja").render(
        result=result,
        begun_at=datetime.fromtimestamp(result.begun_at_s, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        counts=count_kinds(result),
        words=WORDS,
        most_grown_mb=MOST_GROWN_MB,
        most_grown_descriptors=MOST_GROWN_DESCRIPTORS,
        what=_sentences(),
        plots=plots(result),
    )


def _sentences():
    """Give what each kind of fault is, from its own function."""
    return {
        name: function.__doc__.splitlines()[0]
        for module in MODULES.values()
        for name, function in vars(module).items()
        if callable(function)
        and not name.startswith("_")
        and function.__module__ == module.__name__
        and function.__doc__
    }
