"""Which SIA DC-03 code and which Contact ID event tell a control room what a delivery tells."""

from collections.abc import Mapping

# SIA DC-03 code and Contact ID event of each kind of delivery. A further camera of an incident is
# a new BA: several zones are one of the ways in which a control room verifies.
CODES: Mapping[str, tuple[str, str]] = {
    "event.flagged": ("BA", "1130"),
    "incident.updated": ("BA", "1130"),
    "event.verified": ("BV", "1139"),
    "incident.over": ("BR", "3130"),
    "incident.cancelled": ("BC", "1406"),
    "test.alarm": ("RP", "1602"),
}
TAMPER = frozenset({"covered", "moved", "black"})
LOST = frozenset({"lost", "half_lost", "frozen"})
UNKNOWN = ("", "")


def code_of(kind: str, cause: str, trouble: str, *, is_test: bool) -> tuple[str, str]:
    """
    Return the SIA code and the Contact ID event; empty where there is none.

    Parameters
    ----------
    kind
        Kind of delivery, such as `event.flagged`.
    cause
        Cause of a trouble.
    trouble
        What it is a trouble of: `camera_trouble`, `partner_trouble` or `service_trouble`.
    is_test
        It happened as a test.
    """
    if kind in {"trouble.opened", "trouble.over"}:
        begin, over = _trouble_codes(cause, trouble)
        return begin if kind == "trouble.opened" else over
    if is_test and kind.startswith(("event.", "incident.")):
        return "RX", "1601"
    return CODES.get(kind, UNKNOWN)


def _trouble_codes(cause: str, trouble: str) -> tuple[tuple[str, str], tuple[str, str]]:
    # What it is a trouble of comes first: a partner can be lost as well as a camera.
    if trouble == "partner_trouble":
        return ("YC", "1354"), ("YK", "3354")
    if trouble == "service_trouble":
        return ("YX", "1330"), ("YZ", "3330")
    if cause in TAMPER:
        return ("TA", "1137"), ("TR", "3137")
    if cause in LOST:
        return ("IA", "1380"), ("IR", "3380")
    return ("BT", "1380"), ("BJ", "3380")
