"""What the connector is made from: the lock files, their licences, the list of parts; test_audit.py is about holes."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import get_spdx_licensing
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from connector import __version__
from requirements import licences, sbom
from requirements.locked import PROJECT, Policy, installed, read_lock, vendored

ROOT = Path(__file__).parent.parent
LOCKS = {name: read_lock(ROOT / f"requirements/{name}.txt") for name in ("dev", "runtime", "image", "build")}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
STATIC = ROOT / "connector/edges/console/static"
POLICY = Policy.read()


def asked_for(lock):
    """What pyproject.toml wants in a lock file."""
    wanted = list(group("build" if lock == "build" else "dev")) if lock in ("build", "dev") else []
    if lock != "build":
        wanted += PYPROJECT["project"]["dependencies"]
    if lock in ("dev", "image"):
        wanted += EXTRAS["tracing"]
    if lock == "dev":
        wanted += EXTRAS["embedded"]
    return map(Requirement, wanted)


def group(name):
    for each in PYPROJECT["dependency-groups"][name]:
        if isinstance(each, dict):
            yield from group(each["include-group"])
        else:
            yield each


class TestLock:
    @pytest.mark.parametrize("lock", LOCKS)
    def test_every_package_is_locked_by_hash(self, lock):
        assert [each.name for each in LOCKS[lock] if not each.hashes] == []

    @pytest.mark.parametrize("lock", LOCKS)
    def test_what_pyproject_asks_for_is_locked_within_its_range(self, lock):
        locked = {}
        for each in LOCKS[lock]:
            locked.setdefault(each.name, []).append(each.version)

        wanted = list(asked_for(lock))

        assert wanted
        for requirement in wanted:
            versions = locked[canonicalize_name(requirement.name)]
            assert all(requirement.specifier.contains(each, prereleases=True) for each in versions)

    @pytest.mark.parametrize("lock", ["runtime", "image", "build"])
    def test_what_is_given_away_is_what_the_tests_ran_with(self, lock):
        developed = {(each.name, each.version) for each in LOCKS["dev"]}

        assert [each for each in LOCKS[lock] if (each.name, each.version) not in developed] == []

    @pytest.mark.parametrize("lock", LOCKS)
    def test_a_lock_file_names_no_place_to_fetch_from(self, lock):
        text = (ROOT / f"requirements/{lock}.txt").read_text()

        assert re.findall(r"https?:|--index-url|--extra-index-url|--find-links", text) == []

    def test_a_version_that_is_not_exact_is_refused(self, tmp_path):
        lock = tmp_path / "lock.txt"
        lock.write_text("one==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\ntwo>=2\n")

        with pytest.raises(ValueError, match="two: '>=2' is no exact version"):
            read_lock(lock)


class TestLicences:
    ALLOWED = frozenset({"MIT", "Apache-2.0"})

    def test_every_licence_fits(self, capsys):
        code = licences.main()

        assert (code, capsys.readouterr().out.partition(":")[0]) == (0, "licences fit")

    @pytest.mark.parametrize(
        ("expression", "fit"),
        [
            ("MIT", True),
            ("GPL-3.0-only", False),
            ("GPL-3.0-only OR MIT", True),
            ("GPL-3.0-only AND MIT", False),
            ("(GPL-3.0-only OR MIT) AND Apache-2.0", True),
            ("MIT OR Apache-2.0 AND GPL-3.0-only", True),
            ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ],
    )
    def test_one_side_of_or_must_be_allowed_and_both_of_and(self, expression, fit):
        assert licences.fits(expression, self.ALLOWED) is fit

    @pytest.mark.parametrize(
        ("metadata", "trouble"),
        [
            ("License-Expression: AGPL-3.0-only", "some-package: AGPL-3.0-only is not allowed"),
            ("License: MIT\nLicense-Expression: MIT AND GPL-3.0-only", "MIT AND GPL-3.0-only is not allowed"),
            (
                "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
                "GPL-3.0-only is not allowed",
            ),
            (
                "Classifier: License :: OSI Approved :: MIT License\nClassifier: License :: Of Our Own",
                "no licence that policy.toml knows",
            ),
            ("License: see the homepage", "no licence that policy.toml knows"),
            ("Summary: nothing is said", "no licence that policy.toml knows"),
        ],
        ids=[
            "expression",
            "expression-first",
            "classifier",
            "unknown-classifier",
            "unknown-words",
            "nothing",
        ],
    )
    def test_a_licence_that_is_not_allowed_or_not_known_is_told(self, tmp_path, metadata, trouble):
        packages = package(tmp_path, "some-package", metadata)

        [line] = licences.troubles(packages, frozenset(packages), self.ALLOWED, POLICY)

        assert line.startswith("some-package: ")
        assert line.endswith(trouble)

    def test_what_the_policy_states_must_stand_in_a_licence_file(self, tmp_path):
        packages = package(tmp_path, "pyreqwest", "License-File: LICENSE", licence="All rights reserved")

        lines = list(licences.troubles(packages, frozenset(packages), self.ALLOWED, POLICY))

        assert lines == ["pyreqwest: no licence file says 'Apache License', as policy.toml has it"]

    def test_the_policy_speaks_only_of_packages_that_are_locked(self):
        named = {*POLICY.table["stated"], *POLICY.table["excepted"], *(e["package"] for e in POLICY.waiting)}

        assert named <= {each.name for each in LOCKS["dev"]}

    def test_an_exception_has_a_reason_and_stays_out_of_the_image(self):
        for name, entry in POLICY.table["excepted"].items():
            assert len(entry["reason"]) > 40
            assert name not in {each.name for each in LOCKS["image"]}

    def test_licences_are_named_as_spdx_names_them(self):
        words = {
            *POLICY.table["spelled"].values(),
            *POLICY.table["allowed"]["shipped"],
            *POLICY.table["allowed"]["development"],
        }
        own = {word for word in words if word.startswith("LicenseRef-")}

        for word in words - own:
            assert get_spdx_licensing().validate(word).errors == []


def package(directory, name, metadata, licence=None):
    """A folder of installed packages with one in it."""
    info = directory / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{metadata}\n")
    record = f"{info.name}/METADATA,,\n"
    if licence:
        (info / "LICENSE").write_text(licence)
        record += f"{info.name}/LICENSE,,\n"
    (info / "RECORD").write_text(record)
    return installed(directory)


@pytest.fixture(scope="module")
def document():
    return sbom.bill(LOCKS["image"], installed(), POLICY)


class TestPartsList:
    def test_it_is_valid_by_the_schema_of_cyclonedx(self, document):
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None

    def test_the_schema_is_not_satisfied_by_anything(self, document):
        wrong = {**document, "components": [{**document["components"][0], "purl": 1}]}

        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(wrong)) is not None

    def test_it_has_exactly_what_is_locked_for_the_image(self, document):
        parts = {(each["name"], each["version"]) for each in document["components"]}

        locked = {(each.name, each.version) for each in LOCKS["image"] if each.applies_here}
        assert parts == locked | {(each.name, each.version) for each in vendored()}
        own = document["metadata"]["component"]
        assert (own["name"], own["version"]) == (PROJECT, __version__)

    def test_every_part_has_a_licence(self, document):
        assert [each["name"] for each in document["components"] if not each.get("licenses")] == []

    def test_every_part_is_needed_by_something(self, document):
        needed = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
        reached, todo = set(), [document["metadata"]["component"]["bom-ref"]]
        while todo:
            ref = todo.pop()
            if ref not in reached:
                reached.add(ref)
                todo += needed.get(ref, ())

        assert reached == {
            document["metadata"]["component"]["bom-ref"],
            *(each["bom-ref"] for each in document["components"]),
        }

    def test_each_file_of_others_that_the_console_has_is_a_part(self, document):
        hashes = {
            each["hashes"][0]["content"]
            for each in document["components"]
            if each["purl"].startswith("pkg:npm/")
        }

        minified = [path for path in STATIC.iterdir() if ".min." in path.name]
        assert minified
        assert hashes == {hashlib.sha256(path.read_bytes()).hexdigest() for path in minified}

    def test_a_package_in_another_version_than_locked_is_refused(self):
        first, *others = LOCKS["image"]

        with pytest.raises(ValueError, match=f"{first.name}: 0.0 is locked, {first.version} here"):
            sbom.bill((replace(first, version="0.0"), *others), installed(), POLICY)

    def test_the_same_parts_give_the_same_bytes_without_a_trace_of_the_machine(self, tmp_path):
        texts = []
        for seed in ("1", "2"):
            output = tmp_path / seed / "sbom.json"
            subprocess.run(
                [sys.executable, "-m", "requirements.sbom", output],
                cwd=ROOT,
                env={**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC-{seed}"},
                check=True,
            )
            texts.append(output.read_text())

        assert texts[0] == texts[1]
        assert re.findall(r'https?://[^"]*', texts[0]) == ["http://cyclonedx.org/schema/bom-1.6.schema.json"]
        for place in (ROOT, sys.prefix, tmp_path):
            assert str(place) not in texts[0]
