"""The lookout beside tests: one that fails must not pass for one that saw nothing."""

import pytest

from tests.eventually import eventually
from tests.lookout import Lookout


class Failing(Lookout):
    looked = 0

    def look(self):
        self.looked += 1
        if self.looked == 3:
            raise ZeroDivisionError


def test_what_a_look_raises_is_raised_when_the_lookout_is_left():
    with pytest.raises(ZeroDivisionError), Failing(0.001) as lookout:
        eventually(lambda: lookout.looked == 3, 5)


def test_the_failure_of_the_test_itself_comes_first():
    def fail(lookout):
        eventually(lambda: lookout.looked == 3, 5)
        raise KeyError

    with pytest.raises(KeyError), Failing(0.001) as lookout:
        fail(lookout)
