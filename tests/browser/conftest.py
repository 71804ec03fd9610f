"""One system and one browser for all tests of this folder; a context without any past for each test.

Both end with the package, not with the session: while playwright's synchronous side runs, no other event loop
can run in this thread, and the tests elsewhere want theirs.
"""

import os
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser import chromium
from tests.browser.events import HOSTILE
from tests.browser.system import running_system
from tests.browser.visitor import Visitor

SCREEN = {"width": 1280, "height": 900}
PATIENCE_MS = 15_000  # of everything that a page is waited for

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
def browser():
    executable = chromium.executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=chromium.flags())
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def system(browser, broker, tmp_path_factory, pictures):
    folder, name = tmp_path_factory.mktemp("system"), HOSTILE
    if pictures is not None:  # they are for people: no path of this machine, no attack
        folder, name = Path("build/console"), "Screens as events"
        folder.mkdir(parents=True, exist_ok=True)
    with running_system(broker.bootstrap_servers, folder, name) as system:
        yield system


@contextmanager
def visiting(browser, system):
    """Make visitors; whatever went wrong in any of their pages is an error at the end of the block."""
    visitors = []

    def make(worker=0, **options):
        context = browser.new_context(viewport=SCREEN, reduced_motion="reduce", **options)
        context.set_default_timeout(PATIENCE_MS)
        visitors.append(Visitor(context, system.urls[worker]))
        return visitors[-1]

    try:
        yield make
    finally:
        for each in visitors:
            each.context.close()
    problems = [problem for each in visitors for problem in each.unexpected()]
    assert not problems, "\n".join(problems)


@pytest.fixture
def visit(browser, system):
    with visiting(browser, system) as make:
        yield make


@pytest.fixture(scope="package")
def sessions(browser, system):
    """Give the cookies of somebody who signed in, and of one who had personal data revealed as well."""
    with visiting(browser, system) as make:
        visitor = make()
        visitor.sign_in()
        signed_in = visitor.context.storage_state()
        visitor.reveal()
        return signed_in, visitor.context.storage_state()


@pytest.fixture
def visitor(visit):
    """Somebody who did not sign in."""
    return visit()


@pytest.fixture
def operator(visit, sessions):
    """Somebody who signed in."""
    return visit(storage_state=sessions[0])


@pytest.fixture
def insider(visit, sessions):
    """Somebody who signed in and sees personal data."""
    return visit(storage_state=sessions[1])


@pytest.fixture(scope="package")
def pictures():
    """Where CONNECTOR_SCREENSHOTS wants pictures; None when it is not set."""
    chosen = os.environ.get("CONNECTOR_SCREENSHOTS")
    return Path(chosen) if chosen else None


@pytest.fixture(scope="package")
def screenshots(pictures, tmp_path_factory):
    """Where pictures go, else: to where pytest keeps what tests leave."""
    folder = pictures or tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
