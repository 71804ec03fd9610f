"""`encharge-connector init`."""

import os
import stat
import subprocess

import pytest

from connector.core.presets import preset_mappings
from connector.edges.destination_file import read_destination_file
from connector.settings import Settings
from tests.cli.command import run
from tests.cli.conftest import API_KEY

FILES = ["destination.yaml", "encharge-api-key", "connector.env"]
FLAGS = ["--id", "production", "--name", "Encharge", "--source-topic", "events"]
WITH_KEY = [*FLAGS, "--api-key", API_KEY]
NOBODY = "http://127.0.0.1:1"


def written(directory):
    return sorted(path.name for path in directory.iterdir()) if directory.exists() else []


def next_step(done):
    """The commands that are printed to make the settings known to a shell."""
    [line] = [line for line in done.out.splitlines() if line.startswith("Next: ")]
    return line.removeprefix("Next: ").partition("encharge-connector ")[0]


def test_a_key_that_works_leads_to_three_files(here, encharge):
    done = run("init", *WITH_KEY, CONNECTOR_ENCHARGE_API_URL=encharge.url)

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[:4] == ["The key works.", *(f"wrote {name}" for name in FILES)]
    assert written(here) == sorted(FILES)
    file = read_destination_file(here / "destination.yaml")
    assert (file.config["id"], file.config["name"]) == ("production", "Encharge")
    assert file.config["mappings"] == preset_mappings()
    assert (here / "encharge-api-key").read_text() == f"{API_KEY}\n"


def test_the_key_is_in_its_own_file_only(here):
    done = run("init", *WITH_KEY, "--no-verify")

    assert [name for name in FILES if API_KEY in (here / name).read_text()] == ["encharge-api-key"]
    assert API_KEY not in done.out + done.err


@pytest.mark.parametrize("name", FILES)
def test_only_the_owner_can_read_what_is_written(here, name):
    (here / name).write_text("old")
    (here / name).chmod(0o644)
    before = os.umask(0)

    try:
        run("init", *WITH_KEY, "--no-verify", "--force")
    finally:
        os.umask(before)

    assert stat.S_IMODE((here / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("directory", [".", "below/here", "with space", "it's $HOME"])
def test_the_next_step_that_is_told_works_in_a_shell(here, directory):
    done = run("init", *WITH_KEY, "--no-verify", "--directory", directory)

    shell = subprocess.run(
        ["sh", "-c", f"{next_step(done)} env -0"], capture_output=True, text=True, check=True
    )

    settings = Settings.from_environment(
        dict(line.split("=", 1) for line in shell.stdout.rstrip("\0").split("\0"))
    )
    assert settings.source_topic == "events"
    assert settings.destination_file == (here / directory / "destination.yaml").resolve()
    assert settings.encharge_api_key == API_KEY


def test_what_is_missing_is_asked_for(here, encharge):
    answers = f"staging\n\nmy.events\n\n{API_KEY}\n".encode()

    done = run("init", stdin=answers, CONNECTOR_ENCHARGE_API_URL=encharge.url)

    assert done.code == 0
    config = read_destination_file(here / "destination.yaml").config
    assert (config["id"], config["name"]) == ("staging", "Encharge staging")
    assert config["mappings"] == preset_mappings()
    assert '  2 identifyUser       type = "identify"\n' in done.err
    assert "CONNECTOR_SOURCE_TOPIC=my.events\n" in (here / "connector.env").read_text()
    assert API_KEY not in done.out + done.err


def test_an_answer_that_cannot_be_is_asked_for_again(here):
    answers = (
        f"my destination\nstaging\n\nmy topic\nmy.events\n9\nnone\n,\n3, trackEvent\n{API_KEY}\n".encode()
    )

    done = run("init", "--no-verify", stdin=answers)

    assert done.code == 0
    assert "letters, digits, '.', '_' and '-'" in done.err
    assert "'my topic' is no topic name" in done.err
    assert "'9' is no preset; they are trackEvent, " in done.err
    assert "'none' is no preset" in done.err
    assert "name at least one preset" in done.err
    config = read_destination_file(here / "destination.yaml").config
    assert config["id"] == "staging"
    assert [each["action"] for each in config["mappings"]] == ["trackEvent", "trackPageView"]
    assert "CONNECTOR_SOURCE_TOPIC=my.events\n" in (here / "connector.env").read_text()


def test_questions_do_not_get_into_the_json(start):
    process = start("init", "--no-verify", "--json", CONNECTOR_ENCHARGE_API_KEY=API_KEY)
    for answer in (b"staging", b"", b"", b""):
        process.type(answer)

    done = process.done()

    assert done.code == 0
    assert done.json == {"written": FILES, "verified": False}
    assert "Id of the destination [production]" in done.err


def test_the_end_of_input_while_asking_leaves_nothing_behind(here):
    done = run("init", stdin=b"staging\n")

    assert done.code == 130
    assert done.err.endswith("Interrupted.\n")
    assert written(here) == []


@pytest.mark.parametrize("given", ["CONNECTOR_ENCHARGE_API_KEY", "CONNECTOR_ENCHARGE_API_KEY_FILE"])
def test_a_key_of_the_environment_is_not_asked_for(here, tmp_path, given):
    (tmp_path / "key").write_text(f"{API_KEY}\n")
    value = str(tmp_path / "key") if given.endswith("_FILE") else API_KEY

    done = run("init", *FLAGS, "--no-verify", **{given: value})

    assert done.code == 0
    assert (here / "encharge-api-key").read_text() == f"{API_KEY}\n"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        pytest.param(["--id", "my destination"], "letters, digits, '.', '_' and '-'", id="id"),
        pytest.param(["--source-topic", "my topic"], "'my topic' is no topic name", id="topic"),
        pytest.param(
            ["--api-key", "two\nlines"], "error: API key: holds a character", id="line break in key"
        ),
        pytest.param(["--api-key", "ключ"], "error: API key: holds a character", id="key beyond Latin-1"),
        pytest.param(["--directory", "a-file"], "Directory 'a-file' is a file", id="directory is a file"),
    ],
)
def test_a_flag_that_cannot_be_exits_2_and_writes_nothing(here, flags, words):
    (here / "a-file").touch()

    done = run("init", *WITH_KEY, *flags)

    assert done.code == 2
    assert words in done.err
    assert done.out == ""
    assert written(here) == ["a-file"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_exists_is_not_overwritten(here, name):
    (here / name).write_text("precious")

    done = run("init", *WITH_KEY, "--no-verify")

    assert done.code == 2
    assert done.err == f"error: {name}: exists; --force overwrites it\n"
    assert written(here) == [name]
    assert (here / name).read_text() == "precious"


def test_force_overwrites(here):
    for name in FILES:
        (here / name).write_text("old")

    done = run("init", *WITH_KEY, "--no-verify", "--force")

    assert done.code == 0
    assert [name for name in FILES if (here / name).read_text() == "old"] == []


def test_a_key_that_encharge_refuses_is_told_and_nothing_is_written(here, encharge):
    done = run("init", *FLAGS, "--api-key", "wrong-key", CONNECTOR_ENCHARGE_API_URL=encharge.url)

    assert done.code == 3
    assert done.err.startswith(
        "error: Encharge refuses the key (HTTP 401 Unauthorized); nothing was written."
    )
    assert "wrong-key" not in done.out + done.err
    assert written(here) == []


def test_an_encharge_that_cannot_be_reached_is_told_and_nothing_is_written(here):
    done = run("init", *WITH_KEY, CONNECTOR_ENCHARGE_API_URL=NOBODY)

    assert done.code == 3
    assert done.err == f"error: Encharge at {NOBODY} cannot be reached (ConnectError)\n"
    assert written(here) == []


def test_a_key_that_is_not_to_be_verified_is_not_tried(here):
    done = run("init", *WITH_KEY, "--no-verify", CONNECTOR_ENCHARGE_API_URL=NOBODY)

    assert done.code == 0
    assert done.out.startswith("The key was not tried.\n")
    assert written(here) == sorted(FILES)


def test_json_names_the_files(encharge):
    done = run("init", *WITH_KEY, "--json", "--directory", "below", CONNECTOR_ENCHARGE_API_URL=encharge.url)

    assert done.json == {"written": [f"below/{name}" for name in FILES], "verified": True}


def test_a_directory_that_cannot_be_made_is_an_operational_error(here):
    (here / "a-file").touch()

    done = run("init", *WITH_KEY, "--no-verify", "--directory", "a-file/below")

    assert done.code == 3
    assert done.err == "error: a-file/below cannot be written: Not a directory\n"


def test_yes_takes_the_defaults_and_asks_nothing(here):
    done = run("init", "--yes", "--no-verify", "--api-key", API_KEY)

    assert (done.code, done.err) == (0, "")
    config = read_destination_file(here / "destination.yaml").config
    assert (config["id"], config["name"]) == ("production", "Encharge production")
    assert config["mappings"] == preset_mappings()
    assert "CONNECTOR_SOURCE_TOPIC=segment.events\n" in (here / "connector.env").read_text()


def test_yes_without_a_key_says_what_is_missing_and_writes_nothing(here):
    done = run("init", "--yes", "--no-verify")

    assert (done.code, written(here)) == (2, [])
    assert done.err.startswith("error: --api-key: is required with --yes; or set CONNECTOR_ENCHARGE_API_KEY")


def test_presets_that_are_named_are_written_in_their_order(here):
    done = run("init", *WITH_KEY, "--no-verify", "--preset", "identifyUser", "--preset", "trackEvent")

    assert done.code == 0
    config = read_destination_file(here / "destination.yaml").config
    assert config["mappings"] == [each for each in preset_mappings() if each["action"] in ("identifyUser", "trackEvent")]  # fmt: skip


def test_a_preset_that_is_none_is_a_usage_error(here):
    done = run("init", *WITH_KEY, "--no-verify", "--preset", "addTag")

    assert (done.code, written(here)) == (2, [])
    assert "'addTag' is not one of 'trackEvent'" in done.err
