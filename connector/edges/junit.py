"""Writes what became of cases as JUnit XML, the form that CI systems show.

    <testsuites tests failures><testsuite name tests failures errors skipped>
      <testcase classname name file line><failure message type>text</failure></testcase> …

Source: https://github.com/testmoapp/junitxml, the elements that all readers know
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class JUnitCase:
    """One case: where it stands, and what is wrong with it, a line each; nothing where it passed."""

    file: str
    line: int
    name: str
    failure: tuple[str, ...]


def junit_xml(cases: Iterable[JUnitCase]) -> bytes:
    """Give the report, one suite for each file, in the order of the cases."""
    root = Element("testsuites", name="encharge-connector test")
    every = []
    for file, group in groupby(cases, key=lambda case: case.file):
        of_file = list(group)
        every += of_file
        counts = {**_counts(of_file), "errors": "0", "skipped": "0"}
        suite = SubElement(root, "testsuite", {"name": _xml(file), **counts})
        for case in of_file:
            element = SubElement(
                suite,
                "testcase",
                classname=_xml(file.removesuffix(".yaml")),
                name=_xml(case.name),
                file=_xml(file),
                line=str(case.line),
            )
            if case.failure:
                failure = SubElement(element, "failure", message=_xml(case.failure[0]), type="difference")
                failure.text = _xml("\n".join(case.failure))
    root.attrib.update(_counts(every))
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _counts(cases: list[JUnitCase]) -> dict[str, str]:
    return {"tests": str(len(cases)), "failures": str(sum(bool(case.failure) for case in cases))}


def _xml(text: str) -> str:
    """Write what XML cannot hold as an escape."""
    return _NO_XML.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
