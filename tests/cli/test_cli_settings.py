"""`encharge-connector settings`."""

import re
from dataclasses import fields

from connector.settings import Settings, variable_of
from tests.cli.command import run

ALL = [variable_of(each) for each in fields(Settings)]


def by_name(done):
    return {row["name"]: row for row in done.json}


def test_every_setting_is_listed_with_what_it_means():
    done = run("settings")

    assert done.code == 0
    assert re.findall(r"^(CONNECTOR_\w+) = .*\n    \S.+", done.out, re.MULTILINE) == ALL


def test_a_setting_shows_its_value_here_and_the_default_it_replaces():
    done = run("settings", CONNECTOR_MAX_IN_FLIGHT="17")

    assert "CONNECTOR_MAX_IN_FLIGHT = 17  (default 256)\n" in done.out
    assert "CONNECTOR_MAX_BUFFERED_RECORDS = 4000\n" in done.out
    assert "CONNECTOR_ENCHARGE_API_KEY = not set\n" in done.out


def test_json_has_the_same_rows():
    done = run("settings", "--json", CONNECTOR_MAX_IN_FLIGHT="17", CONNECTOR_DESTINATION_FILE="a.yaml")

    rows = by_name(done)
    assert list(rows) == ALL
    assert all(row["help"] for row in rows.values())
    changed, same = rows["CONNECTOR_MAX_IN_FLIGHT"], rows["CONNECTOR_WEB_PORT"]
    assert (changed["value"], changed["default"], changed["is_default"]) == ("17", "256", False)
    assert (same["value"], same["default"], same["is_default"]) == ("6066", "6066", True)
    assert rows["CONNECTOR_DESTINATION_FILE"]["value"] == "a.yaml"


def test_a_secret_is_shown_as_set_or_not_set_only(here):
    (here / "key").write_text("secret-from-file\n")

    done = run(
        "settings",
        "--json",
        CONNECTOR_ENCHARGE_API_KEY_FILE=str(here / "key"),
        CONNECTOR_KAFKA_SASL_PASSWORD="secret-of-kafka",
    )

    rows = by_name(done)
    assert {name for name, row in rows.items() if row["secret"]} == {
        "CONNECTOR_ENCHARGE_API_KEY",
        "CONNECTOR_ENCHARGE_WRITE_KEY",
        "CONNECTOR_KAFKA_SASL_PASSWORD",
        "CONNECTOR_KAFKA_OAUTH_CLIENT_SECRET",
        "CONNECTOR_CONSOLE_TOKEN",
    }
    assert rows["CONNECTOR_ENCHARGE_API_KEY"]["value"] == "••••••"
    assert rows["CONNECTOR_KAFKA_SASL_PASSWORD"]["value"] == "••••••"
    assert rows["CONNECTOR_CONSOLE_TOKEN"]["value"] == "not set"
    assert "secret-" not in done.out


def test_a_secret_file_that_is_missing_is_a_configuration_error():
    done = run("settings", CONNECTOR_ENCHARGE_API_KEY_FILE="none")

    assert done.code == 2
    assert (
        done.err == "error: CONNECTOR_ENCHARGE_API_KEY_FILE: none cannot be read: No such file or directory\n"
    )
