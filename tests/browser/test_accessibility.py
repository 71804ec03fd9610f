"""Axe itself: a page with mistakes must not pass."""

import pytest

from tests.browser.accessibility import grave_findings

pytestmark = [pytest.mark.kafka, pytest.mark.browser]

BAD = """<!doctype html><html lang="en"><title>bad</title><main><h1>Bad</h1>
<p style="color: #999; background: #fff">faint</p>
<p style="color: #fff; background: #fff">unseen</p>
<input name="nameless"><img src="data:,">
</main>"""


@pytest.fixture(scope="module")
def findings(browser):
    page = browser.new_page()
    page.set_content(BAD)
    yield grave_findings(page)
    page.close()


@pytest.mark.parametrize("rule", ["color-contrast", "label", "image-alt", "unseen"])
def test_a_mistake_is_found(rule, findings):
    assert [each for each in findings if rule in each], findings
