"""The visitor of these tests itself: what goes wrong in a page must be noticed."""

import pytest

from tests.browser.conftest import visiting
from tests.browser.events import HOSTILE
from tests.browser.visitor import PAGES
from tests.eventually import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.browser]


@pytest.fixture(scope="module")
def visitor(browser, system):
    """One for all of these tests, who forgets after each."""
    with visiting(browser, system) as make:
        yield make()


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        pytest.param(
            f"document.body.insertAdjacentHTML('beforeend', '{HOSTILE}')", "policy script-src", id="script"
        ),
        pytest.param("document.body.setAttribute('style', 'color: red')", "policy style-src", id="style"),
        pytest.param(
            "void setTimeout(() => { throw new Error('broken') })", "page error: broken", id="error"
        ),
        pytest.param("void fetch('/console/nothing')", "status 404", id="request"),
        pytest.param("console.error('said')", "console error: said", id="console"),
    ],
)
def test_what_goes_wrong_in_a_page_is_noticed(mistake, words, visitor):
    visitor.go(PAGES["overview"])

    visitor.page.evaluate(mistake)

    def is_noticed():
        assert visitor.page.evaluate("window.pwned") is None
        return [each for each in visitor.problems if words in each]

    assert eventually(is_noticed, 10)
    visitor.problems.clear()
