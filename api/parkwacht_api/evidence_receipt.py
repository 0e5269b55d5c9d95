"""The receipt of an evidence package in plain text: who asked for it, and how to check it."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from parkwacht_api.schemas import LegalBasis
from parkwacht_config.text import Language, Text

BASES: dict[LegalBasis, Text] = {
    LegalBasis.OWN_INITIATIVE: Text(
        nl="eigen initiatief (verstrekking zonder verzoek van de politie)",
        en="own initiative (handed over without the police having asked)",
    ),
    LegalBasis.VORDERING: Text(nl="vordering", en="vordering (order of the prosecution)"),
    LegalBasis.AANGIFTE: Text(nl="aangifte", en="aangifte (report of a crime)"),
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that belongs to the incident and is not in the package."""

    name: str
    why: Text


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """What a receipt tells."""

    package_id: str
    incident_id: str
    incident_number: int
    site: str
    timezone: str
    asked_at: datetime
    asked_by: str
    for_whom: str
    reason: str
    legal_basis: LegalBasis
    legal_number: str
    originals_reason: str
    n_events: int
    n_media: int
    fingerprint: str
    left_out: tuple[LeftOut, ...]


def _time(facts: ReceiptFacts) -> str:
    local = facts.asked_at.astimezone(ZoneInfo(facts.timezone))
    return f"{local:%d-%m-%Y %H:%M:%S} ({facts.timezone}); {facts.asked_at.isoformat()}"


def _rows(facts: ReceiptFacts) -> list[tuple[Text, str | Text]]:
    basis = BASES[facts.legal_basis]
    number = f", {facts.legal_number}" if facts.legal_number else ""
    return [
        (Text(nl="Park", en="Site"), facts.site),
        (Text(nl="Incident", en="Incident"), f"{facts.incident_number} ({facts.incident_id})"),
        (Text(nl="Pakket", en="Package"), facts.package_id),
        (Text(nl="Gevraagd op", en="Asked for at"), _time(facts)),
        (Text(nl="Gevraagd door", en="Asked for by"), facts.asked_by),
        (Text(nl="Bestemd voor", en="Meant for"), facts.for_whom),
        (Text(nl="Reden", en="Reason"), facts.reason),
        (Text(nl="Grondslag", en="Legal basis"), Text(basis.nl + number, basis.en + number)),
        (
            Text(nl="Gebeurtenissen, beelden", en="Events, image files"),
            f"{facts.n_events}, {facts.n_media}",
        ),
        (Text(nl="Vingerafdruk", en="Fingerprint"), facts.fingerprint),
    ]


ABOUT_IMAGES = Text(
    nl="De beelden zijn byte voor byte zoals de dienst ze binnenkreeg. Wat in het beeld is "
    "afgeschermd, was dat al toen het werd opgeslagen. export.mp4 is dezelfde clip met daarachter "
    "het absolute begintijdstip (ONVIF Export File Format: cstb en suep).",
    en="The images are byte for byte as the service took them in. What is masked in them was so "
    "when they were stored. export.mp4 is the same clip with its absolute start time behind it "
    "(ONVIF Export File Format: cstb and suep).",
)
ABOUT_ORIGINALS = Text(
    nl="Het pakket bevat ook verzegelde, niet afgeschermde originelen (original.mp4.enc); de "
    "beheerder van het park heeft de sleutel. Reden: ",
    en="The package also holds sealed, unmasked originals (original.mp4.enc); the manager of the "
    "site has the key. Reason: ",
)
HOW_TO_CHECK = Text(
    nl="""Controleren, zonder verbinding:
  parkwacht evidence verify PAKKET.zip
of met gewone gereedschappen, na uitpakken:
  sha256sum -c SHA256SUMS
  openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin \\
      -in manifest.json -sigfile manifest.sig
  openssl pkey -pubin -in public_key.pem -outform DER | sha256sum
De laatste regel moet de vingerafdruk geven die u van de beheerder kreeg, langs een andere weg dan
dit pakket.""",
    en="""To check it, without any connection:
  parkwacht evidence verify PACKAGE.zip
or with common tools, once unpacked:
  sha256sum -c SHA256SUMS
  openssl pkeyutl -verify -pubin -inkey public_key.pem -rawin \\
      -in manifest.json -sigfile manifest.sig
  openssl pkey -pubin -in public_key.pem -outform DER | sha256sum
The last line must give the fingerprint that the manager of the site gave you, by another way than
this package.""",
)


def write_receipt(facts: ReceiptFacts, language: Language) -> bytes:
    """
    Write the receipt in one language.

    Parameters
    ----------
    facts
        What it tells.
    language
        Which language.
    """
    title = Text(nl="Ontvangstbewijs van een bewijspakket", en="Receipt of an evidence package")
    lines = [title.to(language), "=" * len(title.to(language)), ""]
    for name, value in _rows(facts):
        told = value.to(language) if isinstance(value, Text) else " ".join(value.split())
        lines.append(f"{name.to(language) + ':':<26}{told}")
    lines += ["", ABOUT_IMAGES.to(language)]
    if facts.originals_reason:
        told = " ".join(facts.originals_reason.split())
        lines.append(ABOUT_ORIGINALS.to(language) + told)
    if facts.left_out:
        lines += ["", Text(nl="Niet in dit pakket:", en="Not in this package:").to(language)]
        lines += [f"  {one.name}: {one.why.to(language)}" for one in facts.left_out]
    lines += ["", HOW_TO_CHECK.to(language), ""]
    return "\n".join(lines).encode()
