import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_harness import (
    JPEG,
    MP4,
    Service,
    event_parts,
    make_ending,
    make_flagged,
    make_receiver,
    make_report,
    make_site,
    media_record,
    running_service,
)
from console_pages import VERDICT, check, csrf_of

from parkwacht_api.repository import image_accesses
from parkwacht_api.roles import Role


def test_who_is_not_logged_in_is_sent_to_the_login_page(service: Service) -> None:
    with service.browser() as client:
        answer = client.get("/watch?x=1")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login?next=%2Fwatch%3Fx%3D1"
        assert "Aanmelden" in check(client.get(answer.headers["location"]))
        assert client.post("/events/x/verdict").status_code in {401, 422}


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", ("Gebeurtenissen", "Te beoordelen", "Persoon", "wordt verstuurd", "Bewaking")),
        ("en", ("Events", "To review", "Person", "being sent", "Watch")),
    ],
)
def test_pages_speak_both_languages(service: Service, language: str, words: tuple[str]) -> None:
    event = service.stored()
    service.put_ending(make_ending(event))
    with service.client(service.worker_key) as client:
        client.post("/watch-reports", json=make_report().model_dump(mode="json"))
    with service.browser(Role.SECURITY_OPERATOR) as client:
        page = check(client.get("/events", params={"lang": language}))
        detail = check(client.get(f"/events/{event.id}"))  # the choice is remembered
        watch = check(client.get("/watch"))
        lost = check(client.get("/nothing"), 404)
    for word in words:
        assert word in page
    for one in (page, detail, watch, lost):
        assert f'<html lang="{language}">' in one
    assert ("Verslagen" if language == "nl" else "Reports") in watch
    assert ("5,0 min" if language == "nl" else "5.0 min") in watch
    # 22:14:03 UTC in November is 23:14:03 in the park.
    assert "20-11-2026 23:14:03" in detail
    assert "&lt;night&gt;.mp4" in detail


def test_images_of_a_page_are_logged_under_the_persons_name(service: Service) -> None:
    event = service.stored()
    service.put_ending(make_ending(event))
    with service.browser(Role.SECURITY_OPERATOR) as client:
        assert client.get(f"/events/{event.id}/snapshot").content == JPEG
        part = client.get(f"/events/{event.id}/clip", headers={"Range": "bytes=0-9"})
        assert (part.status_code, part.content) == (206, MP4[:10])
    with service.database.reading() as session:
        looks = [(one.person, one.kind, one.via) for one in image_accesses(session)]
    assert looks == [("J. de Vries", "snapshot", "console"), ("J. de Vries", "clip", "console")]


def test_judging_by_the_page(any_service: Service) -> None:
    event = any_service.stored()
    path = f"/events/{event.id}"
    with any_service.browser(Role.SECURITY_OPERATOR) as client:
        csrf = csrf_of(check(client.get(path)))

        def judge(**changes: Any) -> httpx.Response:
            return client.post(f"{path}/verdict", data=VERDICT | {"csrf": csrf} | changes)

        assert judge(csrf="x").status_code == 403
        assert judge(csrf="").status_code == 403
        assert client.post(f"{path}/verdict", data={}).status_code == 403
        again = check(judge(legal_basis="vordering", reason='"><script>'), 422)
        assert "vordering" in again
        assert "<script>" not in again.replace('<script src="/static', "")
        assert any_service.deliveries(event.id)[0]["receiver_id"] == "meldkamer"
        assert judge(verdict="").status_code == 422
        assert judge().status_code == 303
        page = check(client.get(path))
        assert "Iemand klimt over het hek" in page
        assert "eigen initiatief" in page
        check(judge(), 412)  # seen before the verdict
    told = [one["receiver_id"] for one in any_service.deliveries(event.id)]
    assert told == ["meldkamer", "politie"]


def test_a_reviewer_sees_all_and_judges_nothing(service: Service) -> None:
    event = service.stored()
    with service.browser(Role.REVIEWER) as client:
        page = check(client.get(f"/events/{event.id}"))
        assert 'action="/events' not in page
        assert client.get(f"/events/{event.id}/snapshot").content == JPEG
        answer = client.post(f"/events/{event.id}/verdict", data=VERDICT | {"csrf": csrf_of(page)})
        check(answer, 403)


def test_a_partner_sees_its_own_and_an_operator_sees_what_was_held(tmp_path: Path) -> None:
    site = make_site(make_receiver("ver", "http://192.0.2.7/"))
    with running_service(tmp_path / "s", site) as service:
        event = service.stored()
        with service.browser(Role.SECURITY_OPERATOR) as client:
            page = check(client.get("/events"))
            assert "Niet doorgegeven" in page
            assert "1 tegengehouden" in page
            assert "forwarding is local" in check(client.get(f"/events/{event.id}"))
        with service.browser(Role.POLICE_READER, receiver_id="ver") as client:
            assert "Geen gebeurtenissen" in check(client.get("/events"))
            check(client.get(f"/events/{event.id}"), 404)
            assert "Nog geen verslagen" in check(client.get("/watch"))


def test_paging_and_filter(service: Service) -> None:
    for n in range(21):
        service.stored(started_at=datetime(2026, 11, 20, 22, n, tzinfo=UTC))
    with service.browser(Role.SECURITY_OPERATOR) as client:
        first = check(client.get("/events"))
        assert first.count('class="card event') == 20
        found = re.search(r'href="([^"]+)" rel="next"', first)
        assert found is not None
        second = check(client.get(found[1].replace("&amp;", "&")))
        assert second.count('class="card event') == 1
        assert "Geen gebeurtenissen" in check(client.get("/events?verdict=verified"))
        assert "Geen gebeurtenissen" in check(client.get("/events?class=car"))
        people = check(client.get("/events?class=person"))
        assert '<option value="person" selected>' in people
        assert 'href="/events?class=person&amp;cursor=' in people  # and so is the next page
        check(client.get("/events?cursor=nonsense"), 422)


def test_an_event_without_a_position_and_of_an_unknown_camera(service: Service) -> None:
    event = service.stored(position=None, camera_id="gone")
    with service.browser(Role.SECURITY_OPERATOR) as client:
        page = check(client.get(f"/events/{event.id}"))
    assert "plaats onbekend" in page
    assert "gone" in page


def test_the_page_of_an_event_leads_to_all_of_its_files(service: Service) -> None:
    still, manifest, sealed = JPEG + b"x", b"{}", b"PWSEAL1\n" + bytes(60)
    event = make_flagged(
        still=media_record("still.jpg", still, "image/jpeg"), object_class="moving"
    )
    with service.client(service.worker_key) as client:
        answer = client.post("/events", files=event_parts(event, still=still))
    assert answer.status_code == 201
    ending = make_ending(
        event,
        object_class="moving",
        clip_started_at=event.started_at - timedelta(seconds=3),
        clip_ended_at=event.started_at + timedelta(seconds=12),
        manifest=media_record("manifest.json", manifest, "application/json"),
        original=media_record("original.mp4.enc", sealed, "application/octet-stream"),
    )
    with service.browser(Role.SECURITY_OPERATOR) as client:
        before = check(client.get(f"/events/{event.id}"))
        assert f'href="/events/{event.id}/still"' in before
        assert "/manifest" not in before
        sent = service.put_ending(ending, original=sealed, manifest=manifest)
        assert sent.status_code == 200, sent.text
        page = check(client.get(f"/events/{event.id}"))
        for kind, content in (("still", still), ("manifest", manifest), ("original", sealed)):
            assert f'href="/events/{event.id}/{kind}"' in page
            assert client.get(f"/events/{event.id}/{kind}").content == content
    assert "Beweging, niet herkend" in page
    # The clip's true bounds: 22:14:00 to 22:14:15 UTC, one hour later in the park.
    assert "20-11-2026 23:14:00 tot 20-11-2026 23:14:15" in page
    with service.browser(Role.POLICE_READER, receiver_id="meldkamer") as client:
        assert "/original" not in check(client.get(f"/events/{event.id}"))
