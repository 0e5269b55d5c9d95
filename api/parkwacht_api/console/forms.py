"""What comes back from the forms of the pages, as the same records that the api takes."""

from typing import Annotated, Any, TypeVar

from fastapi import Form
from pydantic import BaseModel, ValidationError

from parkwacht_api.auth import Principal
from parkwacht_api.errors import RecordInvalid
from parkwacht_api.schemas import VerdictIn
from parkwacht_config.text import Text

ModelT = TypeVar("ModelT", bound=BaseModel)


def verdict_form(  # noqa: PLR0913, PLR0917  # FastAPI: one parameter per input
    verdict: Annotated[str, Form()] = "",
    cause: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    avs_level: Annotated[str, Form()] = "",
    legal_basis: Annotated[str, Form()] = "",
    legal_number: Annotated[str, Form()] = "",
    version: Annotated[str, Form()] = "",
) -> dict[str, str]:
    """Gather the fields of the form of a verdict."""
    return {
        "verdict": verdict,
        "cause": cause,
        "reason": reason,
        "avs_level": avs_level,
        "legal_basis": legal_basis,
        "legal_number": legal_number,
        "version": version,
    }


def read_verdict(form: dict[str, str], me: Principal) -> VerdictIn:
    """
    Read the form of a verdict; what belongs to another verdict is not looked at.

    Raises
    ------
    RecordInvalid
        Something is missing or wrong.
    """
    given: dict[str, Any] = {"verdict": form["verdict"], "person": me.name}
    given["reason"] = form["reason"]
    if form["verdict"] == "verified":
        wanted = ("avs_level", "legal_basis", "legal_number")
        given |= {name: form[name] for name in wanted if form[name]}
    elif form["verdict"] == "dismissed" and form["cause"]:
        given["cause"] = form["cause"]
    return read_as(
        VerdictIn,
        given,
        Text(
            nl="Kies een oordeel, geef een reden van ten minste drie tekens, bij een vals alarm de "
            "oorzaak, en bij een vordering of aangifte het nummer.",
            en="Choose a verdict, give a reason of at least three characters, with a false alarm "
            "its cause, and with a vordering or aangifte its number.",
        ),
    )


def read_as(model: type[ModelT], given: dict[str, Any], wrong: Text) -> ModelT:
    """
    Read a form as a record of the api.

    Parameters
    ----------
    model
        The record.
    given
        Its fields.
    wrong
        What the page says where they are not right.

    Raises
    ------
    RecordInvalid
        They are not.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise RecordInvalid(wrong) from error
