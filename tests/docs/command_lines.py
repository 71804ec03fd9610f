"""Command lines as pages show them: taken apart and checked without being run."""

import re
import shlex
import tomllib
from dataclasses import fields

import click

from connector.cli import cli
from connector.settings import Settings, variable_of
from tests.docs.pages import ROOT

ENDS = {";", ";;", "|", "||", "&", "&&", "(", ")"}
REDIRECTIONS = {">", ">>", "<", "<<", ">&", "&>", "<<<"}
OTHERS = set(
    ". cat cd chmod cp curl docker echo eval exit export find git grep head helm htpasswd install journalctl kill kubectl ls mkdir mktemp mv"
    " openssl pip pip3 printf python python3 rm sed set shasum sha256sum sleep source sudo systemctl tail tar tee true umask unset uv".split()
)
"""Programs of others that a page may use. A word that is none of these, of ours or of make is a mistake."""

KEYWORDS = {"!", "do", "done", "elif", "else", "fi", "if", "then", "until", "while"}
"""Words of the shell before a command, or alone."""

OUR_FILES = re.compile(
    r"(?:\./)?((?:connector|deploy|docs|examples|requirements|schemas|tests|topics)/[\w./-]+)"
)
SOME_FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:json|jsonl|yaml|yml)")


class Wrong(AssertionError):
    """A command line that would not do what the page says."""


def known_variables():
    """Give all variables that begin with CONNECTOR_ and mean something to the connector."""
    known = {variable_of(each) for each in fields(Settings)}
    secret = {f"{variable_of(each)}_FILE" for each in fields(Settings) if each.metadata["secret"]}
    return known | secret


def named_variables(text):
    return set(re.findall(r"\bCONNECTOR_[A-Z_]*[A-Z]\b(?!…)", text))


def simple_commands(script):
    """Take a script apart: the words of each command, without what stands in here-documents."""
    script = re.sub(r"(<<-?\s*'?(\w+)'?[^\n]*\n).*?^\s*\2$", r"\1", script, flags=re.MULTILINE | re.DOTALL)
    for line in re.sub(r"\\\n\s*", " ", script).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = []
        skips = False
        for word in [*lexer, ";"]:
            if skips:
                skips = False
            elif word in REDIRECTIONS:
                skips = True
                if words and words[-1] == "2":
                    words.pop()
            elif word in ENDS:
                if words:
                    yield words
                words = []
            else:
                words.append(word)


def check(script, directory):
    """Look at every command of a script.

    directory  an empty one, the working directory: files that a command reads are put there
    Raises: Wrong, click.UsageError
    """
    for words in simple_commands(script):
        check_command(words, directory)


def check_command(words, directory):
    for word in words:
        for path in OUR_FILES.findall(word):
            if not (ROOT / path.rstrip(".")).exists():
                raise Wrong(f"{path} does not exist")
    while words and (words[0] in KEYWORDS or re.match(r"[A-Za-z_]\w*=", words[0])):
        words = words[1:]
    match words:
        case []:
            pass
        case ["encharge-connector" | ".venv/bin/encharge-connector", *arguments]:
            check_ours(arguments, directory)
        case ["make", *arguments]:
            check_make(arguments)
        case ["python" | "python3" | ".venv/bin/python", "-m", module, *_]:
            check_module(module)
        case ["pip" | "pip3", "install", *packages]:
            check_packages(packages)
        case [".venv/bin/python" | ".venv/bin/pip", *_]:
            pass
        case [program, *_] if program not in OTHERS:
            raise Wrong(f"{program} is no program that pages use")


def check_ours(arguments, directory):
    """Let click take the arguments, but not run the command."""
    for word in arguments:
        if SOME_FILE.fullmatch(word):
            file = directory / word
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    arguments = list(arguments)
    if arguments in (["--version"], ["--help"]):
        return
    command = cli
    while isinstance(command, click.Group):
        if not arguments:
            return
        name = arguments.pop(0)
        command = command.get_command(click.Context(command), name)
        if command is None:
            raise Wrong(f"{name} is no command")
    if "--help" in arguments:
        return
    with command.make_context(command.name, arguments):
        pass


def check_make(arguments):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for word in arguments:
        if "=" not in word and word not in targets:
            raise Wrong(f"make has no target {word}")


def check_module(module):
    if module.partition(".")[0] not in ("connector", "tests"):
        return
    file = ROOT / module.replace(".", "/")
    if not (file.with_suffix(".py").exists() or (file / "__main__.py").exists()):
        raise Wrong(f"{module} is no module")


def check_packages(words):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for word in words:
        if word == "." or word[0] == "-" or re.search(r"/|\.(?:txt|whl)$", word):
            continue  # this checkout, options, and files, of which `check_command` knows ours
        name, extras = re.match(r"([\w.-]+)(?:\[(.*)\])?", word).groups()
        unknown = set(extras.split(",")) - set(project["optional-dependencies"]) if extras else set()
        if unknown or name != project["name"]:
            raise Wrong(f"{word} is not what this project is called, or has")
