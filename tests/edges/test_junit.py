"""The JUnit report: readers of CI systems find in it what they look for."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from connector.edges.junit import JUnitCase, junit_xml

CASES = [
    JUnitCase("a.cases.yaml", 3, "passes", ()),
    JUnitCase("a.cases.yaml", 9, "fails", ("Orders: changed", '  - total: "<5>"', "  + total: 6")),
    JUnitCase("b.cases.yaml", 3, "passes", ()),
]
# What each element has, and which elements it may hold; readers refuse or ignore what is not here.
SHAPE = {
    "testsuites": ({"name", "tests", "failures"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors", "skipped"}, {"testcase"}),
    "testcase": ({"classname", "name", "file", "line"}, {"failure"}),
    "failure": ({"message", "type"}, set()),
}


def report(cases):
    return ET.fromstring(junit_xml(cases))


def assert_shape(root):
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, children = SHAPE[element.tag]
        assert set(element.attrib) == attributes
        assert {child.tag for child in element} <= children
    for counted in (root, *root.iter("testsuite")):
        assert int(counted.get("tests")) == len(list(counted.iter("testcase")))
        assert int(counted.get("failures")) == len(list(counted.iter("failure")))


def test_the_report_has_the_shape_of_junit():
    assert_shape(report(CASES))


def test_each_file_is_a_suite_and_each_case_tells_where_it_stands():
    suites = {
        suite.get("name"): [(case.get("name"), case.get("line")) for case in suite] for suite in report(CASES)
    }

    assert suites == {"a.cases.yaml": [("passes", "3"), ("fails", "9")], "b.cases.yaml": [("passes", "3")]}


def test_a_failure_holds_the_whole_difference():
    [failure] = report(CASES).iter("failure")

    assert failure.get("message") == "Orders: changed"
    assert failure.text == 'Orders: changed\n  - total: "<5>"\n  + total: 6'


def test_the_report_says_that_it_is_utf_8():
    assert junit_xml(CASES).startswith(b"<?xml version='1.0' encoding='utf-8'?>")


def test_what_xml_cannot_hold_is_escaped():
    [case] = report([JUnitCase("f", 1, "a\x00\x1b\ud800\ufffe🍮", ())]).iter("testcase")

    assert case.get("name") == r"a\x00\x1b\ud800\ufffe🍮"


@given(
    st.lists(
        st.builds(JUnitCase, st.sampled_from("ab"), st.integers(1), st.text(), st.lists(st.text()).map(tuple))
    )
)
def test_whatever_cases_are_called_the_report_can_be_read(cases):
    assert_shape(report(cases))
