"""Editing a mapping in the tester: what it changes, what stays, and what is told of mistakes."""

import difflib
import json

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from connector.core.actions import ACTIONS
from connector.edges.console.in_force import InForce, of_file
from connector.edges.console.tester_edit import EditError, MappingTexts, targets
from connector.edges.console.tester_events import samples
from connector.edges.destination_file import Position, parse_destination_file, read_destination_file
from tests.cli.command import run
from tests.edges.console.delivering.test_console_tester import SAMPLES, shown_mappings, tried
from tests.edges.console.delivering.tester_parts import (
    ALL,
    parsed,
)

BLOCKS = """\
# head
id: x
mappings:
  # before the first
  - name: A  # beside the name
    action: trackEvent
    trigger: |
      type = "track"
    # inside
    fields:
      event: {'@path': $.event}   # beside a field
      type: track

# at the left edge
  # before the second
  -
    name: B
    action: addTag
    enabled: false
    trigger: 'type = "track"'
    fields: {tag: x,
      userId: {'@path': $.userId}}  # at its end
  - {name: C, action: trackEvent, trigger: 'type = "page"', fields: {event: p, type: x}}  # beside
responses: []
"""
FLOW = "id: x\r\nmappings: [{name: A, action: addTag, fields: {tag: x}}, {name: B, action: addTag}]\r\n"
ALIASES = """\
id: x
mappings:
  - name: A
    action: addTag
    fields: {tag: a, userId: &user {'@path': $.userId}}
  - name: B
    action: addTag
    fields: {tag: b, userId: *user}
"""


def texts(content):
    return MappingTexts(of_file(parse_destination_file(__file__, content.encode())))


def changes(before, after):
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in diff if not line.startswith(("---", "+++", "@@"))]


# Texts


def test_a_mapping_is_shown_as_it_stands_in_the_file_moved_to_the_left_edge():
    shown = texts(BLOCKS)

    assert shown.of("A") == (
        'name: A  # beside the name\naction: trackEvent\ntrigger: |\n  type = "track"\n# inside\nfields:\n'
        "  event: {'@path': $.event}   # beside a field\n  type: track"
    )
    assert shown.of("B").endswith("fields: {tag: x,\n  userId: {'@path': $.userId}}  # at its end")
    assert (
        shown.of("C")
        == "{name: C, action: trackEvent, trigger: 'type = \"page\"', fields: {event: p, type: x}}"
    )


@pytest.mark.parametrize(
    "content", [BLOCKS, FLOW, ALIASES, ALL, BLOCKS.replace("\n", "\r\n"), BLOCKS.rstrip()]
)
def test_a_mapping_that_is_not_changed_leaves_every_byte_of_the_file(content):
    shown = texts(content)

    for mapping in shown.now.mappings:
        assert shown.changed_file(mapping["name"], shown.of(mapping["name"])) == content.encode()


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("A", ["-    action: trackEvent", "+    action: identifyUser"]),
        ("B", ["-    action: addTag", "+    action: removeTag"]),
        ("C", None),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_the_lines_that_were_changed_are_changed(name, changed, newline):
    content = BLOCKS.replace("\n", newline)
    shown = texts(content)
    text = shown.of(name).replace("trackEvent", "identifyUser").replace("addTag", "removeTag")

    found = shown.changed_file(name, text.replace("\n", "\r\n")).decode()  # as a browser sends it

    assert found.count("\r\n") == (found.count("\n") if newline == "\r\n" else 0)
    assert len(changes(content, found)) == 2
    if changed is not None:
        assert changes(content, found) == changed


def test_a_file_with_a_byte_order_mark_keeps_it():
    content = "\ufeff" + BLOCKS
    shown = texts(content)

    found = shown.changed_file("A", shown.of("A").replace("trackEvent", "identifyUser"))

    assert found.decode().startswith("\ufeff# head")


def test_a_new_mapping_comes_after_the_last_one_and_comments_stay_where_they_are():
    shown = texts(BLOCKS)

    found = shown.changed_file(
        "new:addTag", 'name: D  # new\naction: addTag\ntrigger: type = "track"\nfields: {tag: d}'
    )

    assert changes(BLOCKS, found.decode()) == [
        "+  - name: D  # new",
        "+    action: addTag",
        '+    trigger: type = "track"',
        "+    fields: {tag: d}",
    ]
    assert list(parse_destination_file(__file__, found).config)[-1] == "responses"


def test_in_a_list_of_one_line_a_mapping_stays_on_that_line():
    shown = texts(FLOW)

    changed = shown.changed_file("A", "name: A\naction: removeTag\nfields: {tag: x}\n")
    added = shown.changed_file("new:addTag", "name: D\naction: addTag\nfields: {tag: d}")

    assert changed == FLOW.replace("addTag", "removeTag", 1).encode()
    assert added == FLOW.replace("}]", "}, {name: D, action: addTag, fields: {tag: d}}]").encode()


def test_what_has_a_name_elsewhere_in_the_file_can_be_used():
    shown = texts(ALIASES)

    edited = shown.edited("B", shown.of("B").replace("tag: b", "tag: c"))

    assert edited.config["mappings"][1]["fields"] == {"tag": "c", "userId": {"@path": "$.userId"}}
    assert edited.positions["fields.tag"] == Position(3, 15)


def test_a_name_that_others_use_cannot_be_taken_away():
    shown = texts(ALIASES)

    with pytest.raises(EditError, match="does not fit into the file"):
        shown.changed_file("A", shown.of("A").replace("&user ", ""))


def test_presets_of_a_file_without_mappings_are_written_out_with_the_changed_one():
    shown = texts("id: x  # mine\n")

    found = shown.changed_file("Track Event", shown.of("Track Event").replace('"track"', '"screen"')).decode()

    assert found.startswith("id: x  # mine\nmappings:\n  - name: Track Event\n")
    file = parse_destination_file(__file__, found.encode())
    assert [each["name"] for each in file.config["mappings"]] == [each["name"] for each in shown.now.mappings]
    assert file.config["mappings"][0]["trigger"] == 'type = "screen"'
    assert file.config["mappings"][1:] == shown.now.config["mappings"][1:]


def test_without_a_file_a_first_one_is_made():
    shown = MappingTexts(
        InForce(
            {"id": "presets", "mappings": of_file(parse_destination_file(__file__, b"id: x")).mappings}, None
        )
    )

    found = shown.changed_file("Alias User", shown.of("Alias User").replace('"alias"', '"screen"'))

    file = parse_destination_file(__file__, found)
    assert file.config["id"] == "production"
    assert [each["trigger"] for each in file.config["mappings"]].count('type = "screen"') == 1


def test_a_new_mapping_of_every_action_compiles_and_has_a_name_of_its_own():
    shown = texts("id: x")

    for target, _title in targets(shown.now):
        text = shown.of(target)
        found = parse_destination_file(__file__, shown.changed_file(target, text))
        found.compile(api_key="k")

    names = {shown.of(f"new:{action}").splitlines()[0] for action in ACTIONS}
    assert len(names) == len(ACTIONS)
    assert "name: Track Event 2" in names


PIECES = [
    "'",
    '"',
    "{",
    "]",
    ":",
    "- ",
    "\n",
    "  ",
    "#",
    "&a ",
    "*a",
    "|",
    "---",
    "!!int ",
    "\t",
    "name: ",
    "<<: ",
]


@settings_of_hypothesis(max_examples=100, deadline=None)
@given(
    content=st.sampled_from([BLOCKS, FLOW, ALIASES]),
    target=st.sampled_from(["A", "B", "new:addTag"]),
    places=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(PIECES), st.integers(0, 9)), min_size=1, max_size=3
    ),
)
def test_whatever_is_typed_only_that_mapping_is_changed_or_it_is_refused(content, target, places):
    shown = texts(content)
    text = shown.of(target)
    for place, piece, gone in places:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + gone :]

    try:
        edited = shown.edited(target, text)
        changed = parse_destination_file(__file__, shown.changed_file(target, text)).config
    except EditError:
        return

    number = edited.number
    assert changed["mappings"][number] == edited.config["mappings"][number]
    del changed["mappings"][number]
    before = parse_destination_file(__file__, content.encode()).config
    if not target.startswith("new:"):
        del before["mappings"][number]
    assert changed == before


# Mistakes


@pytest.mark.parametrize(
    ("text", "line", "column", "told"),
    [
        pytest.param("name: X\n  trigger: [", 2, 10, "mapping values are not allowed", id="YAML"),
        pytest.param("name: X\nname: Y", 2, 1, "duplicate key", id="a key twice"),
        pytest.param("name: A\naction: 2026-11-28", 2, 9, "put it in quotes", id="a date"),
        pytest.param("- a", 1, 1, "must be an object", id="a list"),
        pytest.param("", 1, 1, "must be an object", id="nothing"),
        pytest.param("a: *nobody", 1, 4, "undefined alias", id="an alias"),
        pytest.param("x:\n  " + "[" * 5000, 2, 1, "nested too deeply", id="brackets"),
        pytest.param("a: &a [x]\n" + "b: {" + "<<: *a, " * 200 + "}", None, None, "merges", id="merges"),
    ],
)
def test_what_is_no_mapping_is_told_with_its_place(text, line, column, told):
    with pytest.raises(EditError) as caught:
        texts(BLOCKS).edited("A", text)

    problem = caught.value.problems[0]
    assert (problem.line, problem.column) == (line, column)
    assert told in problem.message


def test_aliases_of_aliases_end_in_an_error_not_in_memory():
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 20)
    )

    with pytest.raises(EditError, match="more than 200,000 values"):
        texts(BLOCKS).edited("A", bomb)


# On the page


async def test_an_edited_mapping_is_tried_instead_and_the_command_agrees_with_the_changed_file(
    http, delivering, tmp_path
):
    page = parsed((await http.get("/console/tester?mapping=Tag")).text)
    text = page.one("textarea", name="mapping").text.replace("$.properties.tag", "$.event")
    sample = SAMPLES["track-tag"]

    answer = await tried(http, sample.text, target="Tag", mapping=text)
    file = await http.post("/console/tester/download", data={"target": "Tag", "mapping": text})

    (tmp_path / "changed.yaml").write_bytes(file.content)
    done = run(
        "explain",
        "--json",
        "--destination",
        tmp_path / "changed.yaml",
        stdin=json.dumps(sample.event).encode(),
    )
    result = parsed(answer.text)
    tag = next(each for each in shown_mappings(result) if each["mapping"] == "Tag")
    assert json.loads(tag["body"])["tag"] == "Tag Added"
    assert result.one("pre", cls="json").text + "\n" == done.out
    assert [each.text for each in result.all("span", cls="warn") if each.text == "edited"] == ["edited"]
    assert delivering.deliverable.file == read_destination_file(delivering.settings.destination_file)


async def test_the_download_is_an_attachment_with_only_that_mapping_changed(http, delivering):
    page = parsed((await http.get("/console/tester?mapping=Tag")).text)
    text = page.one("textarea", name="mapping").text.replace("addTag", "removeTag")

    answer = await http.post("/console/tester/download", data={"target": "Tag", "mapping": text})

    assert answer.headers["Content-Disposition"] == 'attachment; filename="destination.yaml"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert changes(ALL, answer.text) == ["-    action: addTag", "+    action: removeTag"]
    assert delivering.settings.destination_file.read_text() == ALL


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("name: [", "Mapping, line 1", id="YAML"),
        pytest.param(
            "name: Tag\naction: addTag\ntrigger: ''\nfields: {}",
            "Mapping, line 3, column 10: trigger:",
            id="trigger",
        ),
        pytest.param(
            "name: Tag\naction: addTag\ntrigger: type = \"track\"\nfields:\n  tag: {'@foo': 1}",
            "Mapping, line 5, column 8: fields.tag: /tag has an invalid directive: @foo.",
            id="directive",
        ),
        pytest.param(
            "action: addTag\ntrigger: type = 1", "Mapping, line 1, column 1: name: is required", id="no name"
        ),
        pytest.param(
            "name: [a]\naction: addTag",
            "Mapping, line 1, column 7: name: is required",
            id="a list for a name",
        ),
        pytest.param(
            "name: Tag\naction: nope", "Mapping, line 2, column 9: action: must be one of", id="action"
        ),
        pytest.param(
            "name: Tag\naction: addTag\nenabled: 3", "Mapping, line 3, column 10: enabled:", id="schema"
        ),
        pytest.param(
            "name: Tag\naction: addTag\ncolour: 3", "Mapping, line 3, column 9: colour: unknown", id="a key"
        ),
        pytest.param(
            'name: Alias\naction: addTag\ntrigger: type = "track"',
            "Mapping, line 1, column 7: name: 'Alias' is the name of an earlier mapping, too",
            id="a name twice",
        ),
        pytest.param(
            'name: Off\naction: addTag\ntrigger: type = "track"',
            "Destination file: mappings[7].name: 'Off' is the name of an earlier mapping, too",
            id="a later name",
        ),
    ],
)
@pytest.mark.parametrize("way", ["explain", "download"])
async def test_mistakes_in_a_mapping_are_told_with_line_and_column_of_its_text(http, text, told, way):
    form = {"event": SAMPLES["track"].text, "target": "Tag", "mapping": text}

    answer = await http.post(f"/console/tester/{way}", data=form)

    page = parsed(answer.text)
    assert answer.status_code == 400
    assert told in page.one("div", role="alert").text
    assert page.one("textarea", name="mapping").text == text
    assert page.one("textarea", name="event").text == SAMPLES["track"].text


async def test_mistakes_in_event_and_mapping_are_told_together(http):
    answer = await tried(http, "{", target="Tag", mapping="[")

    assert len(parsed(answer.text).one("div", role="alert").all("p")) == 2


async def test_a_mapping_that_is_gone_is_told_and_the_text_stays(http):
    answers = [
        await tried(http, SAMPLES["track"].text, target="Gone", mapping="name: Gone"),
        await http.get("/console/tester?mapping=Gone"),
        await http.post("/console/tester/explain", data={"event": "{}", "do": "edit", "edit": "new:nope"}),
    ]

    assert [each.status_code for each in answers] == [400, 400, 400]
    assert "no mapping of this name" in answers[0].text
    assert "name: Gone" in answers[0].text
    assert "no such action" in answers[2].text


async def test_the_text_of_a_mapping_is_bounded(http):
    answer = await tried(http, SAMPLES["track"].text, target="Tag", mapping="# " + "x" * 300_000)

    assert answer.status_code == 400
    assert "at most 65,536 are taken" in answer.text


async def test_more_than_fifty_mappings_are_refused_as_the_worker_does(http, delivering):
    one = '  - {name: M%d, action: addTag, trigger: type = "x", fields: {tag: a}}\n'
    delivering.write("id: x\nmappings:\n" + "".join(one % n for n in range(50)))

    answer = await tried(
        http,
        SAMPLES["track"].text,
        target="new:addTag",
        mapping='name: N\naction: addTag\ntrigger: type = "x"',
    )

    assert answer.status_code == 400
    assert "Destination file: mappings: are 51, at most 50 are allowed" in parsed(answer.text).text


async def test_editing_begins_and_ends_by_buttons(http):
    begun = await http.post("/console/tester/explain", data={"event": "{}", "do": "edit", "edit": "Untag"})
    ended = await http.post(
        "/console/tester/explain", data={"event": "{}", "do": "drop", "target": "Untag", "mapping": "x"}
    )

    page = parsed(begun.text)
    assert page.one("textarea", name="mapping").text.startswith("name: Untag\n")
    assert page.one("input", name="target").attributes["value"] == "Untag"
    assert page.one("textarea", name="event").text == "{}"
    assert not parsed(ended.text).all("textarea", name="mapping")


async def test_try_in_the_tester_brings_an_event_that_the_mapping_takes(http, delivering):
    for mapping in delivering.deliverable.file.config["mappings"]:
        page = parsed((await http.get("/console/tester", params={"mapping": mapping["name"]})).text)
        event = page.one("textarea", name="event").text
        result = parsed((await tried(http, event)).text)
        [state] = [each["state"] for each in shown_mappings(result) if each["mapping"] == mapping["name"]]
        assert state in ("matches", "disabled, would match")


def test_every_sample_has_a_name_that_an_address_can_carry():
    assert all(each.name.replace("-", "").isalpha() for each in samples())
