"""Arguments of `encharge-connector demo`; the demo itself is told in tests/demo."""

import pytest

from tests.cli.command import run


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        pytest.param("--events", "99", "99 is not in the range 100<=x<=1000000", id="too few events"),
        pytest.param("--people", "0", "0 is not in the range 1<=x<=100000", id="nobody"),
        pytest.param("--rate", "0", "0.0 is not in the range x>=1", id="no rate"),
        pytest.param("--seed", "lucky", "'lucky' is not a valid integer", id="seed"),
    ],
)
def test_a_demo_that_cannot_be_is_refused_before_anything_is_started(option, value, words):
    done = run("demo", option, value)

    assert done.code == 2
    assert f"Invalid value for '{option}': {words}" in done.err
    assert done.out == ""


def test_the_help_tells_how_large_the_demo_is_and_what_its_exit_code_means():
    done = run("demo", "--help")

    assert "[default: 5000;" in done.out
    assert "[default: 250.0;" in done.out
    assert "Exits 0 only when nothing was lost and the order of every person was kept." in done.out
