"""
Sealed files: an unmasked original that only the holder of the key can open.

AES-256-GCM over chunks of 64 KiB in the STREAM construction (Hoang, Reyhanitabar, Rogaway and
Vizár, 2015): the nonce is the chunk's number and whether it is the last, so that chunks can be
neither dropped nor exchanged. Each file has a key of its own, derived from the key with a random
salt (HKDF-SHA256).

    magic (8) | salt (32) | chunk: ciphertext (at most 65536) and tag (16) | ...
"""

import base64
import binascii
import io
import os
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from parkwacht_config.errors import ConfigError, SealError
from parkwacht_config.text import Text

MAGIC = b"PWSEAL1\n"
KEY_BYTES = 32
_SALT_BYTES = 32
_CHUNK_BYTES = 65536
_TAG_BYTES = 16


def parse_key(name: str, value: str) -> bytes:
    """
    Read a sealing key: 32 random bytes in base64.

    Parameters
    ----------
    name
        Name of the secret, for the error.
    value
        The secret; never shown.

    Raises
    ------
    ConfigError
        It is no such key.
    """
    try:
        key = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(
            Text(
                nl=f"{name} is geen sleutel van 32 bytes in base64; maak er een met "
                "`openssl rand -base64 32` en bewaar die ook buiten deze machine",
                en=f"{name} is not a key of 32 bytes in base64; make one with "
                "`openssl rand -base64 32` and keep it outside this machine too",
            )
        )
    return key


class SealingWriter(io.RawIOBase):
    """
    A file to write to: nothing reaches the disk but ciphertext.

    Parameters
    ----------
    file
        Where the sealed bytes go; closed with this one.
    key
        The 32 bytes of `parse_key`.
    """

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        super().__init__()
        self._file = file
        salt = os.urandom(_SALT_BYTES)
        self._cipher = _cipher(key, salt)
        self._held = bytearray()
        self._n_chunks = 0
        self._file.write(MAGIC + salt)

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, data: object) -> int:
        """Take bytes; whole chunks are sealed and written at once."""
        taken = bytes(data)  # type: ignore[call-overload]
        self._held += taken
        while len(self._held) > _CHUNK_BYTES:  # the last chunk must stay: it is marked
            self._write_chunk(bytes(self._held[:_CHUNK_BYTES]), is_last=False)
            del self._held[:_CHUNK_BYTES]
        return len(taken)

    def close(self) -> None:
        """Seal what is left, mark it as the end, and close the file."""
        if self.closed:
            return
        try:
            self._write_chunk(bytes(self._held), is_last=True)
        finally:
            self._held.clear()
            self._file.close()
            super().close()

    def _write_chunk(self, chunk: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._n_chunks, is_last=is_last)
        self._file.write(self._cipher.encrypt(nonce, chunk, MAGIC))
        self._n_chunks += 1


def unsealed(file: BinaryIO, key: bytes) -> Iterator[bytes]:
    """
    Open a sealed file.

    Parameters
    ----------
    file
        The sealed file.
    key
        The key it was sealed with.

    Yields
    ------
    chunk
        What was sealed, piece by piece; only a file that ends without an error was whole.

    Raises
    ------
    SealError
        It is no sealed file, the key is another, or it was changed or cut off.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise SealError(
            Text(
                nl="dit is geen verzegeld bestand van Parkwacht",
                en="this is not a file sealed by Parkwacht",
            )
        )
    cipher = _cipher(key, file.read(_SALT_BYTES))
    sealed, number = file.read(_CHUNK_BYTES + _TAG_BYTES), 0
    while True:
        following = file.read(_CHUNK_BYTES + _TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(number, is_last=not following), sealed, MAGIC)
        except InvalidTag:
            raise SealError(
                Text(
                    nl="de sleutel past niet, of het bestand is veranderd of afgekapt",
                    en="the key does not fit, or the file was changed or cut off",
                )
            ) from None
        if not following:
            return
        sealed, number = following, number + 1


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=MAGIC).derive(key)
    return AESGCM(derived)


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])
