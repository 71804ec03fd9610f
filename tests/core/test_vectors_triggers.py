"""Golden cases of triggers alone."""

from connector.core import TriggerError, compile_trigger
from tests.vectors_io import parametrize_vectors


def pytest_generate_tests(metafunc):
    parametrize_vectors(metafunc, "fql")


def test_a_trigger_decides_as_the_reference_does(vector):
    expected = vector["expected"]
    matched, parse_error, evaluate_error = False, None, None
    try:
        trigger = compile_trigger(vector["fql"])
    except TriggerError as error:
        parse_error = error.message
    else:
        try:
            matched = trigger(vector["event"])
        except TriggerError as error:
            evaluate_error = error.message

    assert matched is expected["matched"]
    assert_same_error(parse_error, expected["parse_error"])
    assert_same_error(evaluate_error, expected.get("evaluate_error"))


def assert_same_error(message, expected):
    if expected is None:
        assert message is None
    elif isinstance(expected, dict) and expected.get("native"):
        assert message is not None
    else:
        assert message == (expected if isinstance(expected, str) else expected["message"])
