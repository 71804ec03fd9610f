"""The guides first-mapping.md and change-mappings.md, followed one after the other."""

from tests.docs.following import Terminals, same, steps
from tests.docs.pages import ROOT

GUIDES = [ROOT / f"docs/howto/{name}.md" for name in ("first-mapping", "change-mappings")]


def test_what_the_guides_tell_to_type_prints_what_they_show(tmp_path):
    compared = 0
    with Terminals(tmp_path) as terminals:
        for block, shown in [step for guide in GUIDES for step in steps(guide, "tests/docs/test_howto.py")]:
            if block.mark.startswith("is "):
                (tmp_path / block.mark.removeprefix("is ")).write_text(block.text)
                continue
            printed = terminals.run(block.text, exits=1 if block.mark.endswith("exits 1") else 0)
            if shown:
                assert same(printed, shown.text), printed
                compared += 1

    assert compared == 3
    assert "tag: big-spender" in (tmp_path / "destination.yaml").read_text()
    assert "tag: big-order" in (tmp_path / "old.yaml").read_text()
