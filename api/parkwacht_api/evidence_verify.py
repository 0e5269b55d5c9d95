"""
Whether an evidence package is whole: offline, from the package alone.

Checked are the signature over the manifest, every file against the manifest, that nothing was put
in, that the images are those which the records name, that an export file begins with the clip, and
the extract of the audit log. The key in the package proves that it was not changed since; whose key
it is, only the fingerprint tells that was given by another way.
"""

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from parkwacht_api.evidence_chain import check_chain_file, check_entries
from parkwacht_api.evidence_mp4 import start_told_by
from parkwacht_api.evidence_package import (
    FILE_NAMES,
    FORMAT,
    MANIFEST,
    PUBLIC_KEY,
    SIGNATURE,
    SIGNED_APART,
)
from parkwacht_api.evidence_signing import fingerprint_of, is_signed
from parkwacht_config.text import Text

CHUNK = 1 << 20
MAX_PAPER = 256 * 1024 * 1024  # of what is read whole: more is no package of ours
MAX_KEY = 4096
ENTRIES, CHAIN = "audit/entries.jsonl", "audit/chain.txt"
UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
RECORD = re.compile(r"^(events/[0-9a-f-]{36}/)(record|ending)\.json$")


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found; `broken` is the first file that is not right, empty where all are."""

    n_files: int = 0
    fingerprint: str = ""
    incident_number: int = 0
    asked_at: str = ""
    broken: str = ""
    trouble: Text | None = None


class _File(BaseModel):
    """A file as the manifest lists it."""

    name: str
    size: Annotated[int, Field(ge=0)]
    sha256: str


class _Package(BaseModel):
    asked_at: str


class _Incident(BaseModel):
    number: int


class _Key(BaseModel):
    sha256: str


class _Audit(BaseModel):
    end_id: int
    end_hash: str


class _Manifest(BaseModel):
    """What must stand in a manifest; it may say more."""

    format: str
    version: int
    package: _Package
    incident: _Incident
    signing_key: _Key
    audit: _Audit
    files: list[_File]


class _Broken(Exception):  # noqa: N818  # a finding, not a fault
    """A file that is not right."""

    def __init__(self, name: str, nl: str, en: str) -> None:
        super().__init__(en)
        self.name, self.text = name, Text(nl=nl, en=en)


def verify_package(path: Path, *, fingerprint: str | None = None) -> Verified:
    """
    Check a package, up to the first file that is not right.

    Parameters
    ----------
    path
        The ZIP.
    fingerprint
        Of the key that it must be signed with, as it was told by another way.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _verify(archive, fingerprint)
    except _Broken as found:
        return Verified(broken=found.name, trouble=found.text)
    except UNREADABLE as error:
        trouble = Text(nl=f"niet te lezen: {error}", en=f"cannot be read: {error}")
        return Verified(broken=path.name, trouble=trouble)


def _verify(archive: zipfile.ZipFile, fingerprint: str | None) -> Verified:
    manifest, signer = _check_signature(archive, fingerprint)
    files = {one.name: one for one in manifest.files}
    _check_names(archive, files)
    for name, told in files.items():
        if _hash(archive, name, told.size) != told.sha256:
            raise _Broken(name, "is gewijzigd", "was changed")
    for name in files:
        _check_record(archive, name, files)
    _check_exports(archive, files)
    _check_audit(archive, manifest.audit)
    return Verified(
        n_files=len(files),
        fingerprint=signer,
        incident_number=manifest.incident.number,
        asked_at=manifest.package.asked_at,
    )


def _read(archive: zipfile.ZipFile, name: str, limit: int = MAX_PAPER) -> bytes:
    try:
        with archive.open(name) as file:
            content = file.read(limit + 1)
    except KeyError as error:
        raise _Broken(name, "ontbreekt", "is missing") from error
    except UNREADABLE as error:
        raise _Broken(name, f"niet te lezen: {error}", f"cannot be read: {error}") from error
    if len(content) > limit:
        raise _Broken(name, "is te groot", "is too large")
    return content


def _check_signature(archive: zipfile.ZipFile, fingerprint: str | None) -> tuple[_Manifest, str]:
    content = _read(archive, MANIFEST)
    signature = _read(archive, SIGNATURE, MAX_KEY)
    pem = _read(archive, PUBLIC_KEY, MAX_KEY)
    try:
        signer, is_right = fingerprint_of(pem), is_signed(pem, signature, content)
    except ValueError as error:
        raise _Broken(PUBLIC_KEY, "is geen sleutel", "is no key") from error
    if not is_right:
        raise _Broken(MANIFEST, "de handtekening klopt niet", "the signature does not belong to it")
    if fingerprint is not None and _bare(fingerprint) != signer:
        raise _Broken(
            PUBLIC_KEY,
            f"is een andere dan verwacht: {signer}",
            f"is another than was expected: {signer}",
        )
    return _manifest(content, signer), signer


def _bare(fingerprint: str) -> str:
    return re.sub(r"[\s:-]", "", fingerprint).lower()


def _manifest(content: bytes, signer: str) -> _Manifest:
    try:
        told = _Manifest.model_validate_json(content)
    except ValidationError as error:
        raise _Broken(MANIFEST, "is geen manifest", "is no manifest") from error
    if (told.format, told.version) != (FORMAT, 1):
        raise _Broken(MANIFEST, "is van een andere versie", "is of another version")
    if told.signing_key.sha256 != signer:
        raise _Broken(PUBLIC_KEY, "is een andere", "is another than the manifest names")
    return told


def _check_names(archive: zipfile.ZipFile, files: dict[str, _File]) -> None:
    names = archive.namelist()
    for name in names:
        if name not in files and name not in SIGNED_APART:
            raise _Broken(name, "hoort hier niet", "does not belong here")
        if names.count(name) > 1:
            raise _Broken(name, "staat er tweemaal", "is there twice")
    for name in files:
        if name not in names:
            raise _Broken(name, "ontbreekt", "is missing")


def _chunks(archive: zipfile.ZipFile, name: str, size: int) -> Iterator[bytes]:
    """Give at most one byte more than there should be, whatever the file would unpack to."""
    left = size + 1
    try:
        with archive.open(name) as file:
            while left > 0 and (chunk := file.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk
    except UNREADABLE as error:
        raise _Broken(name, f"niet te lezen: {error}", f"cannot be read: {error}") from error


def _hash(archive: zipfile.ZipFile, name: str, size: int) -> str:
    digest, n_read = hashlib.sha256(), 0
    for chunk in _chunks(archive, name, size):
        digest.update(chunk)
        n_read += len(chunk)
    return digest.hexdigest() if n_read == size else ""


def _json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        told = json.loads(_read(archive, name))
    except ValueError as error:
        raise _Broken(name, "is geen JSON", "is no JSON") from error
    if not isinstance(told, dict):
        raise _Broken(name, "is geen record", "is no record")
    return told


def _check_record(archive: zipfile.ZipFile, name: str, files: dict[str, _File]) -> None:
    found = RECORD.match(name)
    if found is None:
        return
    record = _json(archive, name)
    for kind, file_name in FILE_NAMES.items():
        told, there = record.get(kind), files.get(found[1] + file_name)
        if isinstance(told, dict) and there is not None and told.get("sha256") != there.sha256:
            raise _Broken(
                found[1] + file_name,
                f"is niet het bestand dat {name} noemt",
                f"is not the file that {name} names",
            )


def _check_exports(archive: zipfile.ZipFile, files: dict[str, _File]) -> None:
    for name in files:
        folder, _, last = name.rpartition("/")
        if last != "export.mp4":
            continue
        clip = files.get(f"{folder}/clip.mp4")
        started_at = str(_json(archive, f"{folder}/ending.json").get("clip_started_at"))
        if clip is None or not _is_export(archive, name, clip, started_at):
            raise _Broken(name, "is niet de clip met zijn tijdstip", "is not the clip and its time")


def _is_export(archive: zipfile.ZipFile, name: str, clip: _File, started_at: str) -> bool:
    digest, left = hashlib.sha256(), clip.size
    with archive.open(name) as file:
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
        told = start_told_by(file.read(CHUNK))
    try:
        return digest.hexdigest() == clip.sha256 and told == datetime.fromisoformat(started_at)
    except ValueError:
        return False


def _check_audit(archive: zipfile.ZipFile, told: _Audit) -> None:
    chain = _read(archive, CHAIN)
    try:
        said = check_chain_file(chain)
    except (ValueError, IndexError) as error:
        raise _Broken(CHAIN, f"klopt niet: {error}", f"is not right: {error}") from error
    end = f"end {told.end_id} {told.end_hash}"
    if chain.decode().splitlines()[-1] != end:
        raise _Broken(CHAIN, "eindigt elders", "ends elsewhere")
    try:
        check_entries(_read(archive, ENTRIES), said)
    except (ValueError, TypeError) as error:
        text = f"klopt niet: {error}", f"is not right: {error}"
        raise _Broken(ENTRIES, *text) from error
