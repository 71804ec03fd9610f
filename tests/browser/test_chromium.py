"""Without a browser: what the tests do then. These need none."""

import pytest

from tests.browser import chromium


@pytest.fixture(autouse=True)
def no_browser(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("CONNECTOR_TESTS_BROWSER", raising=False)


def test_without_a_browser_the_tests_are_skipped_and_say_why():
    with pytest.raises(pytest.skip.Exception, match="make browser"):
        chromium.executable()


@pytest.mark.parametrize(("name", "value"), [("CI", "true"), ("CONNECTOR_TESTS_BROWSER", "required")])
def test_where_a_browser_is_required_its_lack_is_a_failure(name, value, monkeypatch):
    monkeypatch.setenv(name, value)

    with pytest.raises(pytest.fail.Exception, match="make browser"):
        chromium.executable()


@pytest.mark.parametrize("name", chromium.NAMES)
def test_any_of_the_usual_names_will_do(name, tmp_path):
    browser = tmp_path / name
    browser.touch(mode=0o755)

    assert chromium.executable() == str(browser)
