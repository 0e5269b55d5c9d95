"""
How a report writes things: numbers, money, angles and names in the reader's language.

Dutch writes 1.234,5 and English 1,234.5; a number never breaks away from its unit at a line's end.
"""

from datetime import date

from parkwacht_config.site import MountKind
from parkwacht_config.text import Language, Text
from parkwacht_coverage.evaluate import Condition
from parkwacht_coverage.plan import KIND_NAMES as KIND_NAMES  # noqa: PLC0414

NO_BREAK = "\u00a0"
KEEP_TOGETHER = ("'s nachts", "€ ", " m²", " px/m", " MP", " mm")
NIGHT_DUTCH = "'s nachts"

MOUNT_NAMES = {
    MountKind.FACADE: Text(nl="gevel", en="façade"),
    MountKind.LAMP_POST: Text(nl="lichtmast", en="lamp post"),
    MountKind.MAST: Text(nl="nieuwe mast", en="new mast"),
}
CONDITION_NAMES = {
    Condition.DAY: Text(nl="overdag", en="by day"),
    Condition.NIGHT: Text(nl=NIGHT_DUTCH, en="by night"),
}
WINDS = {
    Language.NL: ("noord", "noordoost", "oost", "zuidoost", "zuid", "zuidwest", "west",
                  "noordwest"),
    Language.EN: ("north", "northeast", "east", "southeast", "south", "southwest", "west",
                  "northwest"),
}  # fmt: skip
MONTHS_DUTCH = (
    "januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september",
    "oktober", "november", "december",
)  # fmt: skip
SMALL_NUMBERS = {
    Language.NL: ("geen", "één", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen",
                  "tien", "elf", "twaalf"),
    Language.EN: ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
                  "ten", "eleven", "twelve"),
}  # fmt: skip


class Words:
    """Writes values for readers of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    @property
    def is_dutch(self) -> bool:
        """Whether the reader reads Dutch."""
        return self.language is Language.NL

    def say(self, nl: str, en: str) -> str:
        """Return one of two texts, with units kept on the line of their number."""
        return self.text(Text(nl=nl, en=en))

    def text(self, text: Text) -> str:
        """Return a text in the reader's language, with units kept on the line of their number."""
        written = text.to(self.language)
        for pair in KEEP_TOGETHER:
            written = written.replace(pair, pair.replace(" ", NO_BREAK))
        return written

    def number(self, value: float, digits: int = 0) -> str:
        """Write a number the way the language does; a zero never has a sign."""
        rounded = round(value, digits) + 0.0
        written = f"{rounded:,.{digits}f}"
        return written.translate(str.maketrans(",.", ".,")) if self.is_dutch else written

    def coordinate(self, value: float) -> str:
        """Write a coordinate in decimetres, as surveyors do: without marks for thousands."""
        written = f"{value:.1f}"
        return written.replace(".", ",") if self.is_dutch else written

    def short(self, value: float, digits: int = 1) -> str:
        """Write a number without zeros behind the decimal sign."""
        return self.number(value, 0 if round(value, digits) % 1 == 0 else digits)

    def percent(self, share: float, digits: int = 1) -> str:
        """Write a share as a percentage."""
        return f"{self.number(100 * share, digits)}%"

    def eur(self, amount: float) -> str:
        """Write an amount in whole euro."""
        return f"€{NO_BREAK}{self.number(amount)}"

    def m2(self, area: float) -> str:
        """Write an area in whole square metres."""
        return f"{self.number(area)}{NO_BREAK}m²"

    def metres(self, length: float, digits: int = 0) -> str:
        """Write a length."""
        return f"{self.number(length, digits)}{NO_BREAK}m"

    def degrees(self, angle: float, digits: int = 0) -> str:
        """Write an angle."""
        return f"{self.number(angle, digits)}°"

    def day(self, on: date) -> str:
        """Write a date in words."""
        if self.is_dutch:
            return f"{on.day} {MONTHS_DUTCH[on.month - 1]} {on.year}"
        months = ("January", "February", "March", "April", "May", "June", "July", "August",
                  "September", "October", "November", "December")  # fmt: skip
        return f"{on.day} {months[on.month - 1]} {on.year}"

    def wind(self, azimuth_deg: float) -> str:
        """Name the direction, to one of eight."""
        return WINDS[self.language][round(azimuth_deg / 45) % 8]

    def count(self, n: int) -> str:
        """Write a small count as a word."""
        small = SMALL_NUMBERS[self.language]
        return small[n] if n < len(small) else self.number(n)

    def plural(self, n: int, one: Text, many: Text) -> str:
        """Write a count and the word for what is counted."""
        return f"{self.count(n)} {(one if n == 1 else many).to(self.language)}"

    def listed(self, names: list[str]) -> str:
        """Join names as a sentence does."""
        if len(names) <= 1:
            return "".join(names)
        last = self.say(" en ", " and ")
        return ", ".join(names[:-1]) + last + names[-1]

    def condition(self, condition: Condition) -> str:
        """Name day or night within a sentence."""
        return self.text(CONDITION_NAMES[condition])

    def yes_no(self, *, is_so: bool) -> str:
        """Write yes or no."""
        return self.say("ja", "yes") if is_so else self.say("nee", "no")
