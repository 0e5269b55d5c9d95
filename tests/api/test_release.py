import pytest
from api_harness import STARTED_AT, Service, make_receiver, make_site

from parkwacht_api.models import Delivery
from parkwacht_api.release import hold_reason, is_on_this_machine
from parkwacht_config.site import Release


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://127.0.0.1:8091/webhook", True),
        ("http://127.9.9.9/", True),
        ("http://localhost/", True),
        ("http://LOCALHOST:80/", True),
        ("http://[::1]:9/", True),
        ("http://[::ffff:127.0.0.1]/", True),
        ("http://127.0.0.1.example.org/", False),
        ("http://localhost.example.org/", False),
        ("http://localhost@192.0.2.1/", False),
        ("http://127.0.0.1@192.0.2.1/", False),
        ("http://192.0.2.1#@127.0.0.1/", False),
        ("http://2130706433/", False),
        ("http://0.0.0.0/", False),
        ("http://192.168.1.4/", False),
        ("http://169.254.169.254/latest", False),
        ("https://alarm.example.org/", False),
    ],
)
def test_what_is_this_machine(url: str, is_here: bool) -> None:
    assert is_on_this_machine(url) is is_here
    assert bool(hold_reason(url, "local")) is not is_here
    assert hold_reason(url, "live") == ""
    assert hold_reason(url, "off")


def test_the_payload_is_thin_and_names_things(service: Service) -> None:
    event = service.stored()
    with service.database.reading() as session:
        payload = session.query(Delivery).one().payload
    data, camera = payload["data"], service.site.cameras[0]
    base = "http://127.0.0.1:8080"  # as the service was told, not where it listens
    assert payload["type"] == "event.flagged"
    assert data["camera"] == {"id": camera.id, "name": camera.name}
    assert (data["class"], data["severity"], data["confidence"]) == ("person", "high", 0.83)
    assert data["started_at"] == STARTED_AT.isoformat()
    # Hengelo in Twente, as any atlas has it.
    assert 6.5 < data["position"]["lon"] < 7.1
    assert 52.0 < data["position"]["lat"] < 52.6
    assert data["links"]["acknowledge"].endswith(f"/deliveries/{data['delivery_id']}/acknowledge")
    assert data["links"]["event"] == f"{base}/api/v1/events/{event.id}"
    assert "verdict" not in data


def test_on_request_plans_nothing() -> None:
    site = make_site(make_receiver("archief", "http://127.0.0.1:9/", release=Release.ON_REQUEST))
    assert [one.release for one in site.receivers] == [Release.ON_REQUEST]
