"""The rules of axe, as findings that a person can act on."""

from axe_playwright_python.sync_playwright import Axe

GRAVE = ("serious", "critical")
OPTIONS = {"resultTypes": ["violations", "incomplete"]}
COLOURS = ("color-contrast", "link-in-text-block")


def grave_findings(page, rules=()):
    """Give what axe finds serious or critical in the page as it is now, one line each.

    rules   all of axe's when left out; those of COLOURS are all that a change of colours can break
    """
    options = {**OPTIONS, "runOnly": list(rules)} if rules else OPTIONS
    found = Axe().run(page, options=options).response
    nodes = [(rule, node) for rule in found["violations"] for node in rule["nodes"]]
    # Of text in the colour of what is behind it axe says that it cannot tell.
    nodes += [(rule, node) for rule in found["incomplete"] for node in rule["nodes"] if _is_invisible(node)]
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {node['html'][:160]}"
        f" {'; '.join(check['message'] for check in node['any'][:1])}"
        for rule, node in nodes
        if rule["impact"] in GRAVE
    ]


def _is_invisible(node):
    return any((check.get("data") or {}).get("messageKey") == "equalRatio" for check in node["any"])
