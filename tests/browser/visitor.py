"""Somebody who looks at the console with a browser, and everything that goes wrong in the pages."""

import re

from playwright.sync_api import expect

from tests.browser.system import TOKEN

PAGES = {
    "overview": "/console/",
    "partitions": "/console/partitions",
    "mappings": "/console/mappings",
    "tester": "/console/tester",
    "letters": "/console/dead-letters",
    "replays": "/console/replays",
}
# Tells on the console, where it is seen, what the page's policy kept the browser from.
_TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation",
    (event) => console.error(`policy ${event.violatedDirective} stopped ${event.blockedURI} ${event.sample}`));
"""
# What is wider than the screen, but for what scrolls by itself.
_WIDE = """() => {
    const wide = document.documentElement.clientWidth;
    return document.documentElement.scrollWidth <= wide ? [] : [...document.body.querySelectorAll("*")]
        .filter((each) => !each.closest(".scroll, .unseen, .skip")
            && each.getBoundingClientRect().right > wide + 0.5)
        .slice(0, 9).map((each) => `${each.tagName}.${each.className} ${each.getBoundingClientRect().right}`);
}"""


class Visitor:
    """One browser context with one page; `problems` must be empty at the end of the test.

    expects   words of a problem that the test brings about itself
    """

    def __init__(self, context, url):
        self.context, self.url = context, url
        self.problems = []
        self._expected = []
        context.add_init_script(_TELL_VIOLATIONS)
        self.page = context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        self.page.on("requestfailed", self._on_failed)
        self.page.on("response", self._on_response)

    def go(self, path):
        """Load a page and give the status of the answer."""
        return self.page.goto(self.url + path).status

    def sign_in(self, token=TOKEN, where="/console/"):
        self.go(f"/console/sign-in?next={where}")
        self.page.get_by_label("Console token").fill(token)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def reveal(self):
        """Have personal data shown; for those who signed in."""
        self.page.get_by_role("button", name="Reveal personal data").click()
        expect(self.page.get_by_role("button", name="Mask personal data")).to_be_visible()

    def expects(self, words):
        self._expected.append(words)

    def unexpected(self):
        """Give what went wrong and was not expected."""
        return [each for each in self.problems if not any(words in each for words in self._expected)]

    def wider_than(self, width):
        """Name what makes people scroll sideways on a screen so wide."""
        usual = self.page.viewport_size
        self.page.set_viewport_size({"width": width, "height": 740})
        found = self.page.evaluate(_WIDE)
        self.page.set_viewport_size(usual)
        return found

    def _on_console(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(f"console {message.type}: {message.text} ({self.page.url})")

    def _on_failed(self, request):
        # What a page was still loading ends when it is left, so does its live connection; a download is no page.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"request failed: {request.method} {request.url}: {request.failure}")

    def _on_response(self, response):
        if response.status >= 400:
            self.problems.append(f"status {response.status}: {response.request.method} {response.url}")


def number_in(text):
    """Give the first number of a text as the console writes it: 12,345."""
    found = re.search(r"\d[\d,]*", text)
    assert found, text
    return int(found[0].replace(",", ""))
