"""
`parkwacht evidence verify`: every way in which a package is not what it was is found, by name.

Each case changes one thing by hand and expects the name of the file that was touched.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from api_harness import make_receiver, make_site, running_service
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from evidence_builders import ended, file_of, incident_of, made
from typer.testing import CliRunner

from parkwacht_api.cli import app
from parkwacht_api.evidence_signing import fingerprint_of, public_pem
from parkwacht_api.evidence_verify import verify_package

Parts = dict[str, bytes]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of one event, in a folder without any service."""
    folder = tmp_path_factory.mktemp("verify")
    site = make_site(make_receiver("meldkamer", "http://127.0.0.1:9/webhook"))
    with running_service(folder / "state", site) as service:
        told = made(service, incident_of(service, ended(service)))
        return file_of(service, told).rename(folder / "package.zip")


def packed(parts: Parts, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target


def parts_of(package: Path) -> Parts:
    with zipfile.ZipFile(package) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def name_of(parts: Parts, end: str) -> str:
    return next(name for name in parts if name.endswith(end))


def changed(end: str, change: Callable[[bytes], bytes]) -> Callable[[Parts], str]:
    def apply(parts: Parts) -> str:
        name = name_of(parts, end)
        parts[name] = change(parts[name])
        return name

    return apply


def removed(end: str) -> Callable[[Parts], str]:
    def apply(parts: Parts) -> str:
        name = name_of(parts, end)
        del parts[name]
        return name

    return apply


def added(parts: Parts) -> str:
    parts["events/extra.jpg"] = b"x"
    return "events/extra.jpg"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(changed("snapshot.jpg", lambda old: old[:-1] + b"x"), id="one byte"),
        pytest.param(changed("/clip.mp4", lambda old: old[:-1]), id="cut off"),
        pytest.param(changed("verdicts.json", lambda old: old + b" "), id="longer"),
        pytest.param(changed("duty_log.json", lambda _old: b"x" * 10_000_000), id="a bomb"),
        pytest.param(removed("record.json"), id="taken out"),
        pytest.param(removed("manifest.sig"), id="no signature"),
        pytest.param(removed("public_key.pem"), id="no key"),
        pytest.param(added, id="put in"),
    ],
)
def test_a_file_that_was_touched_is_named(
    change: Callable[[Parts], str], package: Path, tmp_path: Path
) -> None:
    parts = parts_of(package)
    assert verify_package(packed(parts, tmp_path / "same.zip")).broken == ""
    name = change(parts)
    assert verify_package(packed(parts, tmp_path / "other.zip")).broken == name


def test_a_manifest_that_fits_needs_the_key(package: Path, tmp_path: Path) -> None:
    """Who changes a file and the manifest with it cannot sign, but with a key of his own."""
    parts = parts_of(package)
    manifest = json.loads(parts["manifest.json"])
    manifest["package"]["legal_number"] = "another"
    parts["manifest.json"] = json.dumps(manifest).encode()
    found = verify_package(packed(parts, tmp_path / "unsigned.zip"))
    assert found.broken == "manifest.json"
    own = Ed25519PrivateKey.generate()
    parts["manifest.sig"] = own.sign(parts["manifest.json"])
    parts["public_key.pem"] = public_pem(own)
    assert verify_package(packed(parts, tmp_path / "own.zip")).broken == "public_key.pem"
    known = verify_package(package).fingerprint
    signed = resigned(parts, own)
    # Whole in itself, but not by the key that was told by another way.
    assert verify_package(packed(signed, tmp_path / "forged.zip")).broken == ""
    forged = verify_package(tmp_path / "forged.zip", fingerprint=known)
    assert forged.broken == "public_key.pem"


def resigned(parts: Parts, key: Ed25519PrivateKey) -> Parts:
    """Sign all anew with another key: the hashes of the manifest follow the files."""
    manifest = json.loads(parts["manifest.json"])
    manifest["signing_key"]["sha256"] = fingerprint_of(public_pem(key))
    for one in manifest["files"]:
        content = parts[one["name"]]
        one["size"], one["sha256"] = len(content), hashlib.sha256(content).hexdigest()
    content = json.dumps(manifest).encode()
    return parts | {
        "manifest.json": content,
        "manifest.sig": key.sign(content),
        "public_key.pem": public_pem(key),
    }


def other_hash(line: str) -> str:
    number, said = line.split(" ")
    return f"{number} {'0' * len(said)}"


@pytest.mark.parametrize("which", ["entry", "chain", "gap", "clip", "export", "no json"])
def test_who_has_the_key_must_still_tell_one_story(
    which: str, package: Path, tmp_path: Path
) -> None:
    """Even signed anew, the parts must agree: entries with the chain, images with the records."""
    parts = parts_of(package)
    clip, export = name_of(parts, "/clip.mp4"), name_of(parts, "export.mp4")
    entries, chain = "audit/entries.jsonl", "audit/chain.txt"
    record = name_of(parts, "record.json")
    lines = parts[chain].decode().splitlines()
    broken = {
        "entry": (entries, parts[entries].replace(b'"who": "Desk"', b'"who": "Else"', 1)),
        "chain": (chain, "\n".join([lines[0], other_hash(lines[1]), *lines[2:]]).encode()),
        "gap": (chain, "\n".join([lines[0], *lines[2:]]).encode()),
        "clip": (clip, parts[clip] + b"x"),
        "export": (export, b"x" + parts[export][1:]),
        "no json": (record, b"\xff"),
    }
    name, content = broken[which]
    assert parts[name] != content
    signed = resigned(parts | {name: content}, Ed25519PrivateKey.generate())
    assert verify_package(packed(signed, tmp_path / "told.zip")).broken == name


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"x" * 1000])
def test_what_is_no_package(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "none.zip").write_bytes(content)
    assert verify_package(tmp_path / "none.zip").broken == "none.zip"
    assert verify_package(tmp_path / "missing.zip").broken == "missing.zip"


def test_twice_the_same_name(package: Path, tmp_path: Path) -> None:
    """One reader takes the first, another the last: so it is refused."""
    target = packed(parts_of(package), tmp_path / "twice.zip")
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("incident.json", b"{}")
    assert verify_package(target).broken == "incident.json"


def test_the_command_says_so(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARKWACHT_LANGUAGE", "en")
    monkeypatch.setenv("PARKWACHT_STATE_DIR", str(tmp_path / "nothing"))
    monkeypatch.setenv("COLUMNS", "300")
    run = CliRunner().invoke
    right = run(app, ["evidence", "verify", str(package)])
    assert right.exit_code == 0, right.output
    assert "incident 1" in right.output
    parts = parts_of(package)
    name = changed("snapshot.jpg", lambda old: old[::-1])(parts)
    wrong = run(app, ["evidence", "verify", str(packed(parts, tmp_path / "wrong.zip"))])
    assert wrong.exit_code == 2
    assert f"{name} was changed" in wrong.output
    # It needs no service, no database and no state folder.
    assert not (tmp_path / "nothing").exists()
