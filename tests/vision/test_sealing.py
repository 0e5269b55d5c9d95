import base64
import io
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from parkwacht_config.errors import ConfigError, SealError
from parkwacht_vision.sealing import SealingWriter, parse_key, unsealed

KEY = bytes(range(32))
CHUNK, TAG, HEAD = 65536, 16, 40


def seal(data: bytes, path: Path, *, key: bytes = KEY) -> bytes:
    writer = SealingWriter(path.open("wb"), key)
    for start in range(0, len(data), 10_000):
        writer.write(data[start : start + 10_000])
    writer.close()
    writer.close()  # twice is as good as once
    return path.read_bytes()


def unseal(sealed: bytes, *, key: bytes = KEY) -> bytes:
    return b"".join(unsealed(io.BytesIO(sealed), key))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_who_has_the_key_gets_back_what_was_sealed(size: int, tmp_path: Path) -> None:
    data = bytes(n % 251 for n in range(size))
    sealed = seal(data, tmp_path / "x.enc")
    # One tag per chunk; an empty file has one chunk, and so has a full one.
    n_chunks = max(1, -(-size // CHUNK))
    assert len(sealed) == HEAD + size + TAG * n_chunks
    assert unseal(sealed) == data


def test_the_format_is_what_its_description_says(tmp_path: Path) -> None:
    data = b"a" * CHUNK + b"the end"
    sealed = seal(data, tmp_path / "x.enc")
    magic, salt = sealed[:8], sealed[8:40]
    derived = HKDF(algorithm=SHA256(), length=32, salt=salt, info=magic).derive(KEY)
    first, last = sealed[40 : 40 + CHUNK + TAG], sealed[40 + CHUNK + TAG :]
    # Nonce: 11 bytes of the chunk's number, one byte that marks the last.
    assert AESGCM(derived).decrypt(bytes(12), first, magic) == b"a" * CHUNK
    assert AESGCM(derived).decrypt(bytes(10) + b"\1\1", last, magic) == b"the end"


def test_the_same_data_is_never_sealed_alike(tmp_path: Path) -> None:
    first, second = (seal(b"a clip", tmp_path / f"{n}.enc") for n in range(2))
    assert first[8:] != second[8:]


def _flipped(sealed: bytes, at: int) -> bytes:
    return sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]


def is_refused(sealed: bytes) -> bool:
    try:
        unseal(sealed)
    except SealError:
        return True
    return False


def test_a_wrong_key_and_any_change_are_found(tmp_path: Path) -> None:
    sealed = seal(b"b" * (2 * CHUNK + 5), tmp_path / "x.enc")
    step = CHUNK + TAG
    chunks = [sealed[HEAD + n * step : HEAD + (n + 1) * step] for n in range(3)]
    head = sealed[:HEAD]
    changed = {
        "a bit of the salt": _flipped(sealed, 20),
        "a bit of the text": _flipped(sealed, 1000),
        "a bit of a tag": _flipped(sealed, len(sealed) - 1),
        "cut off inside": sealed[:-3],
        "the last chunk gone": head + chunks[0] + chunks[1],
        "a chunk gone": head + chunks[0] + chunks[2],
        "chunks exchanged": head + chunks[1] + chunks[0] + chunks[2],
        "nothing but a head": head,
        "not even a head": sealed[:12],
    }
    assert {name for name, wrong in changed.items() if is_refused(wrong)} == set(changed)
    with pytest.raises(SealError, match="does not fit"):
        unseal(sealed, key=bytes(32))
    with pytest.raises(SealError, match="not a file sealed"):
        unseal(b"\0\0\0\x18ftypmp42")


def test_a_key_is_32_bytes_in_base64() -> None:
    assert parse_key("X", base64.b64encode(KEY).decode()) == KEY
    for wrong in ("", "secret", "not base64!", base64.b64encode(bytes(16)).decode()):
        with pytest.raises(ConfigError) as caught:
            parse_key("PARKWACHT_EVIDENCE_KEY", wrong)
        assert "PARKWACHT_EVIDENCE_KEY" in str(caught.value)
        assert not wrong or wrong not in str(caught.value)
