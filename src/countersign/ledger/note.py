"""Signed notes and checkpoints as C2SP specifies them (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

A checkpoint says: the log of this origin has so many leaves and this root. Only Ed25519 signatures (type
0x01) are made and read here; those of other keys, such as witnesses', are kept and passed over, as the
specification demands.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countersign.errors import VerificationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# Go's sumdb/note refuses more; 16 post-quantum signatures, which one must accept, take about 110 kB.
MAX_NOTE = 1 << 20
MAX_SIGNATURES = 100

_ED25519 = b"\x01"
_KEY_SIZE = 32
_MAX_NAME = 250  # the specification sets none; a URL's host and path fit
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_PRIVATE = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A name and an Ed25519 public key that are trusted to sign together."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before each of its signatures."""
        return _key_id(self.name, self.public)

    def to_text(self) -> str:
        """The verifier key, `name+hash+base64(0x01 || public key)`, as sumdb and witnesses take it."""
        return f"{self.name}+{self.key_id.hex()}+{_encode64(_ED25519 + self.public)}"

    @classmethod
    def from_text(cls, text: str) -> Verifier:
        """Read a verifier key; VerificationError if it is none, or its hash is not its key's."""
        name, public = _parse_key(text)
        return cls(name, public)

    def verify(self, text: str, signature: bytes) -> None:
        """VerificationError unless the signature (without key id) is of this text by this key."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError) as error:
            raise VerificationError(f"the signature of {self.name} is not valid") from error


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """A name and an Ed25519 private key (its 32-byte seed)."""

    name: str
    seed: bytes

    @classmethod
    def generate(cls, name: str) -> Signer:
        """A new key; RuntimeError if the name may not stand in a note."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if not _is_name(name):
            raise RuntimeError(f"{name!r}: a key's name has neither spaces nor '+', and 1 to 250 characters")
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def verifier(self) -> Verifier:
        """The public part."""
        return Verifier(self.name, self._key().public_key().public_bytes_raw())

    def to_text(self) -> str:
        """The secret key in the form of Go's sumdb/note, `PRIVATE+KEY+name+hash+base64(0x01 || seed)`."""
        key_id = self.verifier.key_id.hex()
        return f"{_PRIVATE}{self.name}+{key_id}+{_encode64(_ED25519 + self.seed)}"

    @classmethod
    def from_text(cls, text: str) -> Signer:
        """Read a secret key; VerificationError if it is none, or its hash is not its key's."""
        if not text.startswith(_PRIVATE):
            raise VerificationError("not a secret key of a signed note")
        name, seed = _parse_key(text.removeprefix(_PRIVATE), check=False)
        signer = cls(name, seed)
        if signer.to_text() != text:
            raise VerificationError("the secret key's hash is not of this key")
        return signer

    def sign(self, text: str) -> bytes:
        """A note of this text, which ends in a newline, with this one signature."""
        signature = self.verifier.key_id + self._key().sign(text.encode())
        return f"{text}\n— {self.name} {_encode64(signature)}\n".encode()

    def _key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed)


def open_note(note: bytes, verifiers: Sequence[Verifier]) -> str:
    """The text of a note that at least one of the keys signed, and that no signature of theirs spoils.

    Lets out only VerificationError.
    """
    text, signatures = split_note(note)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    found = 0
    for name, key_id, signature in signatures:
        verifier = known.get((name, key_id))
        if verifier is not None:
            verifier.verify(text, signature)
            found += 1
    if not found:
        names = ", ".join(verifier.name for verifier in verifiers)
        raise VerificationError(f"the note is not signed by {names}")
    return text


def split_note(note: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Text, and name, key id and bytes of each signature, none of them verified."""
    if len(note) > MAX_NOTE:
        raise VerificationError("the note is too long")
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise VerificationError("the note is not UTF-8") from error
    if re.search(r"[\x00-\x09\x0b-\x1f]", whole):
        raise VerificationError("the note has control characters")
    text, blank, tail = whole.rpartition("\n\n")
    lines = tail.removesuffix("\n").split("\n")
    if not blank or not tail.endswith("\n") or len(lines) > MAX_SIGNATURES:
        raise VerificationError("the note does not end in signatures")
    return text + "\n", [_parse_signature(line) for line in lines]


def _parse_signature(line: str) -> tuple[str, bytes, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not _is_name(parts[1]):
        raise VerificationError("the note has a line that is no signature")
    data = _decode64(parts[2])
    if len(data) <= 4:
        raise VerificationError("the note has an empty signature")
    return parts[1], data[:4], data[4:]


def _parse_key(text: str, *, check: bool = True) -> tuple[str, bytes]:
    parts = text.split("+", 2)  # base64 has '+' too
    if len(parts) != 3 or not _is_name(parts[0]):
        raise VerificationError("not a key of a signed note")
    name, key_id, data = parts[0], parts[1], _decode64(parts[2])
    if len(data) != 1 + _KEY_SIZE or data[:1] != _ED25519:
        raise VerificationError("not an Ed25519 key")
    if check and _key_id(name, data[1:]).hex() != key_id:
        raise VerificationError("the key's hash is not of this key")
    return name, data[1:]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one size (c2sp.org/tlog-checkpoint)."""

    origin: str
    size: int
    root: bytes

    def to_text(self) -> str:
        """The text to be signed."""
        return f"{self.origin}\n{self.size}\n{_encode64(self.root)}\n"

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """Read the text of a note; VerificationError if it is no checkpoint. Extension lines are ignored."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines) or not _SIZE.fullmatch(lines[1]):
            raise VerificationError("the note is no checkpoint")
        root = _decode64(lines[2])
        if len(root) != hashlib.sha256().digest_size:
            raise VerificationError("the checkpoint's root is no SHA-256 hash")
        return cls(lines[0], int(lines[1]), root)

    @classmethod
    def from_note(cls, note: bytes, verifier: Verifier) -> Checkpoint:
        """Read and verify a log's own signed head; its origin must be the key's name."""
        checkpoint = cls.from_text(open_note(note, [verifier]))
        if checkpoint.origin != verifier.name:
            raise VerificationError(f"the checkpoint is of {checkpoint.origin}, not of {verifier.name}")
        return checkpoint


def _is_name(name: str) -> bool:
    # Beyond the specification (no space, no plus): nothing that could move a terminal's cursor.
    return 0 < len(name) <= _MAX_NAME and name.isprintable() and not re.search(r"[\s+]", name)


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _encode64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode64(text: str) -> bytes:
    """Standard base64 in the one form an encoder gives, so that no changed bit goes unseen."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise VerificationError("not base64") from error
    if _encode64(data) != text:
        raise VerificationError("not base64 in its canonical form")
    return data
