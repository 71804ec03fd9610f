import errno
import os
import socket
import sys
import threading

import pytest

from connector.embedded import EmbeddedKafkaError, fetch
from connector.embedded.download import WORKERS, repository_url
from connector.embedded.progress import lines, on_stderr
from tests.embedded.repository import TRUNCATED


@pytest.fixture
def jars(repository):
    return [repository.add(f"thing-{number}", os.urandom(1000 + number)) for number in range(12)]


@pytest.fixture
def fetched(tmp_path, repository, jars):
    """Fetches the jars from the stand-in."""
    return lambda **options: fetch(
        tmp_path / "cache", maven_url=options.pop("maven_url", repository.url), jars=jars, **options
    )


def test_all_jars_are_downloaded_verified_and_returned_as_the_class_path(fetched, repository, jars):
    paths = fetched()

    assert [path.name for path in paths] == [jar.filename for jar in jars]
    assert all(jar.is_intact(path) for jar, path in zip(jars, paths, strict=True))
    assert sorted(repository.requests) == sorted("/" + jar.repository_path for jar in jars)
    assert 1 <= repository.most_in_flight <= WORKERS


def test_what_is_cached_is_used_without_a_network(fetched, repository):
    first = fetched()
    asked = len(repository.requests)

    again = fetched(maven_url=f"http://127.0.0.1:{closed_port()}")

    assert again == first
    assert len(repository.requests) == asked


def test_a_damaged_jar_of_the_cache_is_fetched_again_and_no_other(fetched, repository, jars):
    damaged = fetched()[3]
    damaged.write_bytes(b"x" * jars[3].size_bytes)
    repository.requests.clear()

    fetched()

    assert repository.requests == ["/" + jars[3].repository_path]
    assert jars[3].is_intact(damaged)


@pytest.mark.parametrize("fault", [TRUNCATED, 503, 429])
def test_a_transient_failure_is_repeated(fetched, repository, jars, fault):
    repository.faults["/" + jars[0].repository_path] = [fault]

    assert jars[0].is_intact(fetched()[0])


def test_a_download_truncated_every_time_is_an_error_that_keeps_nothing(fetched, repository, jars, tmp_path):
    repository.faults["/" + jars[0].repository_path] = [TRUNCATED] * 9

    with pytest.raises(EmbeddedKafkaError) as caught:
        fetched()

    assert caught.value.reason == "no_network"
    assert repository.requests.count("/" + jars[0].repository_path) == 3
    assert not (tmp_path / "cache" / jars[0].filename).exists()
    assert not list((tmp_path / "cache").glob("*.part"))


def test_a_jar_with_another_checksum_is_refused_and_named(fetched, repository, jars, tmp_path):
    path = "/" + jars[5].repository_path
    repository.files[path] = b"y" * jars[5].size_bytes

    with pytest.raises(EmbeddedKafkaError) as caught:
        fetched()

    assert caught.value.reason == "bad_checksum"
    assert jars[5].filename in str(caught.value)
    assert jars[5].sha256 in str(caught.value)
    assert repository.requests.count(path) == 1
    assert not (tmp_path / "cache" / jars[5].filename).exists()
    assert not list((tmp_path / "cache").glob("*.part"))


def test_an_answer_longer_than_the_jar_is_not_read_to_its_end(fetched, repository, jars):
    repository.files["/" + jars[0].repository_path] = bytes(50_000_000)

    with pytest.raises(EmbeddedKafkaError, match=r"got \w{64} \(\d{4,6} bytes\)") as caught:
        fetched()

    assert caught.value.reason == "bad_checksum"


def test_no_network_names_what_is_missing_and_how_to_go_on(fetched, jars, tmp_path):
    with pytest.raises(EmbeddedKafkaError) as caught:
        fetched(maven_url=f"http://127.0.0.1:{closed_port()}")

    assert caught.value.reason == "no_network"
    assert f"{len(jars)} jars" in str(caught.value)
    assert str(tmp_path / "cache") in str(caught.value)
    assert "CONNECTOR_MAVEN_URL" in str(caught.value)


def test_a_repository_without_the_jar_is_told_apart_from_no_network(fetched, repository, jars):
    del repository.files["/" + jars[2].repository_path]

    with pytest.raises(EmbeddedKafkaError, match=r"answered 404 for .*/thing-2-1\.0\.jar") as caught:
        fetched()

    assert caught.value.reason == "repository"


def test_too_little_space_is_said_before_anything_is_asked_for(fetched, repository):
    with pytest.raises(EmbeddedKafkaError, match=r"need 0\.0 MB in .*XDG_CACHE_HOME") as caught:
        fetched(free_bytes=lambda _: 12_000)

    assert caught.value.reason == "no_space"
    assert repository.requests == []


def test_a_disk_that_fills_up_meanwhile_is_the_same_error(fetched):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(EmbeddedKafkaError) as caught:
        fetched(free_bytes=full)

    assert caught.value.reason == "no_space"


def test_a_cache_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(EmbeddedKafkaError, match="file/cache") as caught:
        fetch(tmp_path / "file" / "cache")

    assert caught.value.reason == "cache"


def test_two_at_the_same_time_fetch_each_jar_once(fetched, repository, jars):
    others = [threading.Thread(target=fetched) for _ in range(3)]

    for other in others:
        other.start()
    for other in others:
        other.join()

    assert sorted(repository.requests) == sorted("/" + jar.repository_path for jar in jars)


def test_the_leftovers_of_a_killed_download_are_removed(fetched, tmp_path):
    leftover = tmp_path / "cache" / "thing-0-1.0.jar.part"
    leftover.parent.mkdir()
    leftover.write_bytes(b"half")

    fetched()

    assert not leftover.exists()


@pytest.mark.parametrize(
    ("given", "environ", "address"),
    [
        pytest.param(
            "https://given/m2", {"CONNECTOR_MAVEN_URL": "https://env"}, "https://given/m2/", id="given"
        ),
        pytest.param(None, {"CONNECTOR_MAVEN_URL": "https://env/x/"}, "https://env/x/", id="environment"),
    ],
)
def test_the_repository_is_the_one_given_before_that_of_the_environment(given, environ, address):
    assert repository_url(given, environ) == address


def test_the_repository_is_jgos_when_none_is_set():
    jgo = pytest.importorskip("jgo")

    assert repository_url(None, {}) == jgo.MAVEN_CENTRAL_URL.rstrip("/") + "/"


@pytest.mark.parametrize("address", ["mirror.example/m2", "file:///m2", "https://", "https://host:port/"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(EmbeddedKafkaError, match="CONNECTOR_MAVEN_URL") as caught:
        repository_url(address, {})

    assert caught.value.reason == "repository"


def test_no_message_repeats_the_password_of_a_mirror(fetched):
    with pytest.raises(EmbeddedKafkaError) as caught:
        fetched(maven_url=f"http://somebody:secret@127.0.0.1:{closed_port()}")

    assert "secret" not in str(caught.value)


def test_without_the_extra_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "jgo", None)

    with pytest.raises(
        EmbeddedKafkaError, match=r"pip install 'segment-encharge-connector\[embedded\]'"
    ) as caught:
        repository_url(None, {})

    assert caught.value.reason == "not_installed"


def test_without_a_terminal_progress_is_a_few_lines(fetched, capsys):
    fetched()

    said = capsys.readouterr().err.splitlines()
    assert said[0] == "Kafka 4.3.1: downloading 12 jars, 0.0 MB"
    assert said[-1].startswith("Kafka 4.3.1: downloaded in ")
    assert len(said) <= 6


def test_progress_does_not_repeat_a_quarter_when_a_jar_is_begun_again(capsys):
    with lines(1, 100) as advance:
        for size in (30, -30, 30, 70):
            advance(size)

    assert [line[13:] for line in capsys.readouterr().err.splitlines()[1:-1]] == ["25 %", "100 %"]


def test_on_a_terminal_progress_is_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    with on_stderr(2, 1_000_000) as advance:
        advance(1_000_000)

    assert "1.0/1.0 MB" in capsys.readouterr().err


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
