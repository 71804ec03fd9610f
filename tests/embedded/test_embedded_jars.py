import hashlib
from pathlib import Path

import pytest

from connector.embedded import KAFKA_VERSION
from connector.embedded.jars import Jar, cache_dir, missing_jars, parse_jars, pinned_jars


def jar_of(content):
    return Jar("org.example", "thing", "1.0", hashlib.sha256(content).hexdigest(), len(content))


def test_a_line_names_group_artifact_version_checksum_and_size():
    text = "# comment\n\norg.example.group:the-thing:1.2 abc 17\n"

    (jar,) = parse_jars(text)

    assert jar == Jar("org.example.group", "the-thing", "1.2", "abc", 17)
    assert jar.repository_path == "org/example/group/the-thing/1.2/the-thing-1.2.jar"


def test_the_pinned_jars_hold_the_broker_of_this_version_and_nothing_of_connect():
    names = {jar.filename for jar in pinned_jars()}

    assert f"kafka_2.13-{KAFKA_VERSION}.jar" in names
    assert len(names) == len(pinned_jars()) == 32
    assert not [name for name in names if name.startswith(("connect-", "jersey-", "jetty-"))]
    assert all(len(bytes.fromhex(jar.sha256)) == 32 and jar.size_bytes > 0 for jar in pinned_jars())


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(None, id="absent"),
        pytest.param(b"conten", id="shorter"),
        pytest.param(b"cOntent", id="one bit flipped"),
    ],
)
def test_a_jar_is_missing_unless_every_byte_is_right(tmp_path, found):
    jar = jar_of(b"content")
    if found is not None:
        (tmp_path / jar.filename).write_bytes(found)

    assert missing_jars([jar], tmp_path) == (jar,)

    (tmp_path / jar.filename).write_bytes(b"content")
    assert missing_jars([jar], tmp_path) == ()


@pytest.mark.parametrize(
    ("environ", "base"),
    [
        pytest.param({"XDG_CACHE_HOME": "/somewhere"}, Path("/somewhere"), id="chosen"),
        pytest.param({"XDG_CACHE_HOME": "relative"}, None, id="relative paths are invalid"),
        pytest.param({"XDG_CACHE_HOME": ""}, None, id="empty"),
        pytest.param({}, None, id="unset"),
    ],
)
def test_the_cache_follows_the_xdg_specification(environ, base):
    expected = (base or Path.home() / ".cache") / "segment-encharge-connector" / f"kafka-{KAFKA_VERSION}"

    assert cache_dir(environ) == expected
