"""
What a page is made of: blocks that `report.typ` knows how to set.

A block is a plain dictionary, so that it travels to typst as JSON. All texts are literal: nothing
in them is read as markup.
"""

from collections.abc import Sequence
from typing import Any

Block = dict[str, Any]


def chapter(title: str, *, intro: str = "", on_new_page: bool = True) -> list[Block]:
    """Begin a chapter, on a new page or below what stands there."""
    blocks: list[Block] = [{"kind": "chapter", "text": title, "breaks": on_new_page}]
    return [*blocks, {"kind": "lead", "text": intro}] if intro else blocks


def head(title: str) -> Block:
    """Begin a part of a chapter."""
    return {"kind": "head", "text": title}


def par(text: str) -> Block:
    """Set a paragraph."""
    return {"kind": "par", "text": text}


def note(text: str) -> Block:
    """Set a small remark under a table or picture."""
    return {"kind": "note", "text": text}


def bullets(items: Sequence[str]) -> Block:
    """Set a list."""
    return {"kind": "bullets", "items": list(items)}


def warning(text: str) -> Block:
    """Set a text that must not be missed."""
    return {"kind": "warning", "text": text}


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    widths: Sequence[str],
    strong: Sequence[int] = (),
    size_pt: float = 8.5,
) -> Block:
    """
    Set a table.

    Parameters
    ----------
    header
        A text per column.
    rows
        A text per column of each row.
    widths
        Per column `"auto"` or a share such as `"2fr"`; a `"<"` or `">"` before it sets the side
        that the text stands at, `"<"` without.
    strong
        Rows that are set in bold.
    size_pt
        Of the letters.
    """
    return {
        "kind": "table",
        "header": list(header),
        "rows": [list(row) for row in rows],
        "widths": [one.lstrip("<>") for one in widths],
        "align": ["right" if one.startswith(">") else "left" for one in widths],
        "strong": list(strong),
        "size": size_pt,
    }


def image(name: str, alt: str, *, width_mm: float, caption: str = "") -> Block:
    """Place a picture file."""
    return {"kind": "image", "name": name, "alt": alt, "width": width_mm, "caption": caption}


def gallery(items: Sequence[Block], *, columns: int) -> Block:
    """Place pictures side by side."""
    return {"kind": "gallery", "items": list(items), "columns": columns}


def form(rows: Sequence[tuple[str, str, str]], *, to_fill: str) -> Block:
    """Set questions with what the study answers and what people must fill in."""
    listed = [{"question": q, "answer": a, "open": o} for q, a, o in rows]
    return {"kind": "form", "rows": listed, "to_fill": to_fill}


def columns(left: Sequence[Block], right: Sequence[Block]) -> Block:
    """Set two rows of blocks side by side."""
    return {"kind": "columns", "left": list(left), "right": list(right)}


def keys(items: Sequence[tuple[str, str, str]]) -> Block:
    """Set key numbers: label, number, remark."""
    return {"kind": "keys", "items": [{"label": a, "value": b, "note": c} for a, b, c in items]}


def contents() -> Block:
    """Set the table of contents."""
    return {"kind": "contents"}
