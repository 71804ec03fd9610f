"""Wheel and sdist: the same bytes wherever and whenever they are built, with what belongs into them and nothing else."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("connector", "topics", "schemas")
# What lies in a work tree besides the sources; hidden files and folders as well.
LITTER = shutil.ignore_patterns("__pycache__", ".*", "build", "dist")

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return copy_of(ROOT, tmp_path_factory.mktemp("first") / "a")


@pytest.fixture(scope="module")
def built(tree):
    return build(tree, umask=0o022)


def copy_of(source, target):
    shutil.copytree(source, target, ignore=LITTER)
    shutil.copy(ROOT / ".gitignore", target)
    return target


def build(tree, umask, kinds=("--sdist", "--wheel")):
    """The files that the build makes in `tree`, by their suffix."""
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", "dist", "."],
        cwd=tree,
        env={name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"},
        umask=umask,
        capture_output=True,
        check=True,
    )
    return {each.suffix: each for each in (tree / "dist").iterdir()}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def names_in_wheel(built):
    with zipfile.ZipFile(built[".whl"]) as wheel:
        return set(wheel.namelist())


def test_two_builds_elsewhere_and_later_with_other_modes_are_the_same_bytes(built, tree, tmp_path):
    other = copy_of(tree, tmp_path / "a-longer-name/b")
    for path in other.rglob("*"):
        os.utime(path, (1_800_000_000, 1_800_000_000))
        path.chmod(0o700 if path.is_dir() else 0o600)

    again = build(other, umask=0o077)

    assert {suffix: digest(path) for suffix, path in again.items()} == {
        suffix: digest(path) for suffix, path in built.items()
    }


def test_the_sdist_builds_the_same_wheel(built, tmp_path):
    with tarfile.open(built[".gz"]) as sdist:
        sdist.extractall(tmp_path, filter="data")
    [tree] = tmp_path.iterdir()

    again = build(tree, umask=0o022, kinds=("--wheel",))

    assert digest(again[".whl"]) == digest(built[".whl"])


def test_the_wheel_has_the_packages_and_nothing_else(built, tree):
    sources = {
        str(path.relative_to(tree))
        for name in PACKAGES
        for path in (tree / name).rglob("*")
        if path.is_file()
    }

    names = names_in_wheel(built)

    about = {name for name in names if ".dist-info/" in name}
    assert names - about == sources
    assert {name.partition("/")[2] for name in about} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }


def test_compiled_and_private_files_stay_out_of_both(tree, tmp_path):
    littered = copy_of(tree, tmp_path / "littered")
    for name in (
        "connector/__pycache__/x.cpython-311.pyc",
        "connector/.env",
        "schemas/build/x.json",
        ".venv/x.py",
    ):
        (littered / name).parent.mkdir(exist_ok=True)
        (littered / name).write_text("")

    built = build(littered, umask=0o022)

    with tarfile.open(built[".gz"]) as sdist:
        names = {*names_in_wheel(built), *sdist.getnames()}
    assert [name for name in names if name.endswith((".pyc", ".env", "/x.json", "/x.py"))] == []


@pytest.mark.parametrize(
    "needed",
    [
        "connector/py.typed",
        "connector/edges/console/templates/",
        "connector/edges/console/static/",
        "schemas/dead_letter.json",
        "topics/",
    ],
)
def test_what_is_no_python_travels_along(built, needed):
    assert [name for name in names_in_wheel(built) if name.startswith(needed) and not name.endswith(".py")]


def test_no_path_of_this_machine_is_inside(built, tree):
    with zipfile.ZipFile(built[".whl"]) as wheel:
        content = b"".join(wheel.read(name) for name in wheel.namelist())

    for place in (ROOT, tree, Path(sys.prefix)):
        assert str(place).encode() not in content
