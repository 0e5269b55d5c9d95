"""What the tests of the pages have in common: reading a page and the policy it must keep."""

import re
from html.parser import HTMLParser

import httpx


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


class Checker(HTMLParser):
    """Collects what a strict policy would block, and controls without a name."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.open_labels = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.faults.append(f"inline {tag}")
        for name, value in given.items():
            if name == "style" or name.startswith("on"):
                self.faults.append(f"{tag} {name}")
            if name in {"src", "href", "action", "poster"} and "//" in (value or ""):
                self.faults.append(f"{tag} {name}={value}")
        if tag == "label":
            self.open_labels += 1
        is_control = tag in {"select", "textarea"} or (
            tag == "input" and given.get("type") != "hidden"
        )
        if is_control and not self.open_labels:
            self.faults.append(f"{tag} without a label")
        if tag == "img" and "alt" not in given:
            self.faults.append("img without alt")

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self.open_labels -= 1


def check(answer: httpx.Response, status: int = 200) -> str:
    assert answer.status_code == status, answer.text
    checker = Checker()
    checker.feed(answer.text)
    assert checker.faults == []
    return answer.text


VERDICT = {
    "verdict": "verified",
    "reason": "Iemand klimt over het hek",
    "avs_level": "3",
    "legal_basis": "own_initiative",
    "legal_number": "",
    "version": "0",
}
