"""What stands in the database, in the words of the pages."""

from typing import get_args

from parkwacht_api.console.words_incidents import INCIDENT_WORDS
from parkwacht_api.receivers.words import CLASSES, DELIVERY_STATES, OTHER_CAUSES, SEVERITIES
from parkwacht_config.text import Language, Text
from parkwacht_vision.event import EventKind
from parkwacht_vision.naming import kind_name

# Said alike in a message and on a page; "silent" is said of cameras here as well.
SERVICE_CAUSES = ("dead_letter", "test_failed", "unanswered")
WORDS = {
    **INCIDENT_WORDS,
    **{cause: OTHER_CAUSES["service_trouble", cause] for cause in SERVICE_CAUSES},
    **{kind: kind_name(kind) for kind in get_args(EventKind)},
    **{name: Text(nl=one.nl.capitalize(), en=one.en.capitalize()) for name, one in CLASSES.items()},
    **SEVERITIES,
    **DELIVERY_STATES,
    "unreviewed": Text(nl="Te beoordelen", en="To review"),
    "verified": Text(nl="Geverifieerd", en="Verified"),
    "dismissed": Text(nl="Vals alarm", en="False alarm"),
    "unclear": Text(nl="Onduidelijk", en="Unclear"),
    "event.flagged": Text(nl="melding", en="alarm"),
    "event.verified": Text(nl="geverifieerde melding", en="verified alarm"),
    "incident.updated": Text(nl="aanvulling", en="update"),
    "incident.over": Text(nl="einde", en="end"),
    "incident.cancelled": Text(nl="intrekking", en="cancellation"),
    "trouble.opened": Text(nl="storing", en="trouble"),
    "trouble.over": Text(nl="einde storing", en="end of trouble"),
    "test.alarm": Text(nl="proefalarm", en="test alarm"),
    "acknowledged": Text(nl="opgepakt", en="taken up"),
    "sending": Text(nl="afgebroken of bezig", en="broken off or under way"),
    "failed": Text(nl="mislukt", en="failed"),
    "own_initiative": Text(nl="eigen initiatief", en="own initiative"),
    "vordering": Text(nl="vordering", en="demand (vordering)"),
    "aangifte": Text(nl="aangifte", en="report to the police (aangifte)"),
    "left": Text(nl="uit beeld", en="left the view"),
    "recording_ended": Text(nl="einde opname", en="recording ended"),
    "stream_lost": Text(nl="stroom weggevallen", en="stream lost"),
    "stopped": Text(nl="gestopt", en="stopped"),
    "connection_lost": Text(nl="verbinding weg", en="connection lost"),
    "stalled": Text(nl="beeld stond stil", en="stream stalled"),
    "no_answer": Text(nl="camera antwoordt niet", en="camera does not answer"),
    "refused_credentials": Text(nl="naam of wachtwoord geweigerd", en="name or password refused"),
    "refused_certificate": Text(nl="certificaat niet vertrouwd", en="certificate not trusted"),
    "unknown_host": Text(nl="adres onbekend", en="address unknown"),
    "unknown_path": Text(nl="pad onbekend bij de camera", en="path unknown to the camera"),
    "unknown_codec": Text(nl="codec onbekend", en="codec unknown"),
    "no_video": Text(nl="zendt geen beeld", en="sends no video"),
    "analysis_too_slow": Text(nl="analyse te traag", en="analysis too slow"),
    "recording_cut_off": Text(nl="opname afgebroken", en="recording cut off"),
    "corrupt_data": Text(nl="beschadigd beeld", en="corrupt data"),
    "gap_in_source": Text(nl="gat in de opname", en="gap in the recording"),
    "gap_in_recordings": Text(nl="gat tussen de opnames", en="gap between the recordings"),
    "not_watched": Text(nl="niet bekeken", en="not watched"),
    "watching": Text(nl="kijkt", en="watching"),
    "trouble": Text(nl="storing", en="trouble"),
    "silent": Text(nl="zwijgt", en="silent"),
    "never": Text(nl="nog nooit bekeken", en="never watched"),
    "covered": Text(nl="afgedekt", en="covered"),
    "moved": Text(nl="verdraaid", en="moved"),
    "defocused": Text(nl="onscherp", en="out of focus"),
    "black": Text(nl="zwart beeld", en="black picture"),
    "over_exposed": Text(nl="overbelicht", en="over-exposed"),
    "frozen": Text(nl="stilstaand beeld", en="frozen picture"),
    "clock_drift": Text(nl="klok loopt niet gelijk", en="clock drifts"),
    "bitrate_collapse": Text(nl="bijna geen gegevens", en="hardly any data"),
    "half_lost": Text(nl="een van twee streams weg", en="one of two streams lost"),
    "lost": Text(nl="geen beeld", en="no picture"),
}


def word(key: str, language: Language) -> str:
    """Return the page's word for a stored value; the value itself where there is none."""
    return WORDS[key].to(language) if key in WORDS else key
