"""Draws how the packages of the connector lean on each other, from their imports: docs/images/map.svg.

`make docs` writes it. A package without a place here is an error, so the picture cannot miss one.
"""

from __future__ import annotations

import ast
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
# package -> (column, row, what it is); a module at the top of connector/ belongs to "wiring".
PLACES = {
    "cli": (1, 0, "one file per command"),
    "demo": (2, 0, "everything together, judged"),
    "wiring": (1, 1, "builds workers and replays"),
    "edges": (1, 2, "Faust, Kafka, HTTP, files, web"),
    "simulator": (2, 1, "a stand-in for Encharge"),
    "embedded": (2, 2, "a real Kafka from packages"),
    "ingest": (0, 3, "record → events, their keys"),
    "delivery": (1, 3, "lanes, retries, offsets, letters"),
    "core": (1, 4, "event → requests; pure"),
}
TOP = {
    "__main__": "cli",
    "settings": "settings",
    "secret_files": "settings",
    "errors": "errors",
    "__init__": "",
}
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 230, 64, 60, 46, 16


def picture() -> str:
    """Give the SVG."""
    width = 3 * WIDTH + 2 * GAP_X + 2 * MARGIN
    height = 5 * HEIGHT + 4 * GAP_Y + 2 * MARGIN + 28
    note = "An arrow is an import. Settings, errors, topics and schemas are open to all and left out."
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        '  role="img" font-family="system-ui, sans-serif" font-size="13">',
        "<title>The packages of the connector, and which imports which</title>",
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"',
        '  orient="auto"><path d="M0 0L8 4L0 8z" fill="#7a8794"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *(_arrow(begin, end) for begin, end in sorted(_imports())),
        *map(_box, PLACES),
        f'<text x="{MARGIN}" y="{height - MARGIN}" fill="#57636f">{note}</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _imports() -> set[tuple[str, str]]:
    """Find which package imports which."""
    found = set()
    for file in sorted((ROOT / "connector").rglob("*.py")):
        place = _place(file.relative_to(ROOT).with_suffix("").parts)
        if place not in PLACES:
            continue
        imported = {
            _place(tuple(node.module.split(".")))
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("connector.")
        }
        found |= {(place, other) for other in imported & PLACES.keys() - {place}}
    return found


def _place(parts: tuple[str, ...]) -> str:
    """Give the package that a module below connector/ belongs to."""
    if len(parts) > 2 or (ROOT / "connector" / parts[1]).is_dir():
        if parts[1] not in PLACES:
            raise LookupError(f"connector/{parts[1]} has no place in the picture, see docs/code_map.py")
        return parts[1]
    return TOP.get(parts[1], "wiring")


def _corner(name: str) -> tuple[int, int]:
    column, row, _ = PLACES[name]
    return MARGIN + column * (WIDTH + GAP_X), MARGIN + row * (HEIGHT + GAP_Y)


def _box(name: str) -> str:
    x, y = _corner(name)
    title = "wiring, running, …" if name == "wiring" else f"{name}/"
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#eef3f8" stroke="#4a6782"/>'
        f'<text x="{x + 12}" y="{y + 26}" font-weight="600" fill="#1f2d3a">{escape(title)}</text>'
        f'<text x="{x + 12}" y="{y + 48}" fill="#1f2d3a">{escape(PLACES[name][2])}</text>'
    )


def _arrow(begin: str, end: str) -> str:
    (x1, y1), (x2, y2) = _corner(begin), _corner(end)
    column1, row1, _ = PLACES[begin]
    column2, row2, _ = PLACES[end]
    if row1 == row2:
        y1, y2 = y1 + HEIGHT // 2, y2 + HEIGHT // 2
        x1, x2 = (x1 + WIDTH, x2) if column1 < column2 else (x1, x2 + WIDTH)
        path = f"M{x1} {y1}L{x2} {y2}"
    else:
        down = row1 < row2
        y1, y2 = (y1 + HEIGHT, y2) if down else (y1, y2 + HEIGHT)
        x1, x2 = x1 + WIDTH // 2 + 18 * (column2 - column1), x2 + WIDTH // 2 + 18 * (column1 - column2)
        if column1 == column2 and abs(row1 - row2) > 1:  # around the boxes between
            side = WIDTH // 2 + 24 * abs(row1 - row2)
            path = f"M{x1 - 60} {y1}C{x1 - side} {y1 + 40},{x2 - side} {y2 - 40},{x2 - 60} {y2}"
        else:
            path = f"M{x1} {y1}L{x2} {y2}"
    return f'<path d="{path}" fill="none" stroke="#7a8794" stroke-width="1.5" marker-end="url(#a)"/>'
