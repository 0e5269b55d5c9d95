"""Why a device could not be asked, in words that say what to do; no credential is in them."""

import re

from onveef.exceptions import (
    OnvifAuthError,
    OnvifCapabilityMissingError,
    OnvifError,
    OnvifFaultError,
    OnvifOperationNotSupportedError,
    OnvifTimeoutError,
)

from parkwacht_config.text import Text
from parkwacht_vision.onvif_address import clean_text

# Devices word it as they like; the code ter:NotAuthorized does not come through the library.
_REFUSAL = re.compile(r"authori[sz]|authenticat", re.IGNORECASE)


def is_login_refused(error: OnvifError) -> bool:
    """Return whether an error is a device's refusal of who asks."""
    is_fault = isinstance(error, OnvifFaultError) and _REFUSAL.search(str(error)) is not None
    return is_fault or isinstance(error, OnvifAuthError)


def why_refused(url: str, error: OnvifError, timeout_s: float, *, is_anonymous: bool) -> Text:
    """
    Say why a device gave no answer.

    Parameters
    ----------
    url
        Who was asked.
    error
        What the library made of it.
    timeout_s
        How long it had.
    is_anonymous
        Whether it was asked without a login.
    """
    if is_login_refused(error):
        return _why_login(url, is_anonymous=is_anonymous)
    if isinstance(error, OnvifTimeoutError):
        return Text(
            nl=f"{url}: antwoordt niet binnen {timeout_s:g} s; klopt het adres, en staat er een "
            "firewall tussen?",
            en=f"{url}: does not answer within {timeout_s:g} s; is the address right, and is there "
            "a firewall between?",
        )
    if isinstance(error, OnvifFaultError | OnvifOperationNotSupportedError):
        said = clean_text(str(error), 160)
        return Text(nl=f"{url}: weigert: {said}", en=f"{url}: refuses: {said}")
    if isinstance(error, OnvifCapabilityMissingError):
        return why_no_onvif(url, "")
    return _why_unreachable(url, clean_text(str(error.__cause__ or error), 160))


def why_unusable(url: str, kind: str) -> Text:
    """
    Say that a device answers with what nobody can use.

    Parameters
    ----------
    url
        Who was asked.
    kind
        Kind of the error, for whoever mends it.
    """
    return Text(
        nl=f"{url}: geeft een antwoord dat niet te gebruiken is ({kind}); is dit een camera, en is "
        "haar firmware bijgewerkt?",
        en=f"{url}: gives an answer that cannot be used ({kind}); is this a camera, and is its "
        "firmware up to date?",
    )


def _why_unreachable(url: str, cause: str) -> Text:
    if "redirect" in cause:
        return Text(
            nl=f"{url}: stuurt door naar een ander adres; geef dat adres, meestal met https://",
            en=f"{url}: sends on to another address; give that one, mostly with https://",
        )
    if "CERTIFICATE_VERIFY_FAILED" in cause:
        return Text(
            nl=f"{url}: heeft een certificaat dat niemand kent; zet het (PEM) in een bestand en "
            "noem dat in SSL_CERT_FILE, of gebruik het adres met http://",
            en=f"{url}: has a certificate that nobody knows; put it (PEM) into a file and name "
            "that in SSL_CERT_FILE, or use the address with http://",
        )
    return Text(
        nl=f"{url}: is niet te bereiken ({cause})", en=f"{url}: cannot be reached ({cause})"
    )


def _why_login(url: str, *, is_anonymous: bool) -> Text:
    if is_anonymous:
        return Text(
            nl=f"{url}: vraagt een naam en wachtwoord; geef --user-env en --password-env",
            en=f"{url}: asks for a name and password; give --user-env and --password-env",
        )
    return Text(
        nl=f"{url}: weigert de naam of het wachtwoord; veel camera's hebben eigen gebruikers voor "
        "ONVIF, los van die van hun webpagina",
        en=f"{url}: refuses the name or the password; many cameras keep users for ONVIF apart from "
        "those of their web page",
    )


def why_no_onvif(url: str, answer: str) -> Text:
    """
    Say that what answers is no ONVIF device.

    Parameters
    ----------
    url
        Who was asked.
    answer
        What it said.
    """
    if "<!ENTITY" in answer:
        return Text(
            nl=f"{url}: antwoordt met XML die zichzelf opblaast of bestanden wil lezen (ENTITY); "
            "dat is geweigerd. Een camera doet dat niet: zoek uit wat er op dit adres staat",
            en=f"{url}: answers with XML that inflates itself or wants to read files (ENTITY); "
            "that was refused. No camera does so: find out what is at this address",
        )
    return Text(
        nl=f"{url}: antwoordt, maar niet in ONVIF; klopt het adres en de poort, en staat ONVIF aan "
        "in de camera?",
        en=f"{url}: answers, but not in ONVIF; are the address and port right, and is ONVIF "
        "switched on in the camera?",
    )
