# SPDX-License-Identifier: Apache-2.0
"""Makes the key files of this folder from spec/key-files.md alone, with other libraries than Signet's.

Needs the Python package `cryptography` (44 or newer).  Everything is fixed, so that a second run changes nothing.
"""
import base64
import hashlib
import pathlib
import struct

from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

HERE = pathlib.Path(__file__).parent
PASSPHRASE = b"correct horse"
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")  # RFC 8032, 7.1, test 1
SCALAR = hashlib.sha256(b"a recipient of examples").digest()
WRITER = ed25519.Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
RECIPIENT = x25519.X25519PrivateKey.from_private_bytes(SCALAR).public_key().public_bytes_raw()


def line(kind, data, name, check=None):
    if check is None:
        check = hashlib.sha256(kind.encode() + b" " + data).digest()[:4]
    return f"{kind} {base64.b64encode(data + check).decode()} {name}\n"


def hchacha20(key, nonce):
    """The first half of XChaCha20 (draft-irtf-cfrg-xchacha, 2.2)."""
    s = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            v = s[z] ^ s[x]
            s[z] = ((v << n) | (v >> (32 - n))) & 0xFFFFFFFF

    for _ in range(10):
        for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
            quarter(a, b, c, d)
        for a, b, c, d in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(a, b, c, d)
    return struct.pack("<8I", *s[:4], *s[12:])


def lock(kind, secret, name, passes=1, memory=8192, passphrase=PASSPHRASE, bound_to=None):
    salt, nonce = bytes(range(16)), bytes(range(100, 124))
    header = struct.pack(">II", passes, memory) + salt + nonce
    if passes < 1 or memory < 8 or memory > 1 << 20 or passes > 16:
        return header + bytes(48)  # nobody gets as far as to decrypt it
    key = Argon2id(salt=salt, length=32, iterations=passes, lanes=1, memory_cost=memory).derive(passphrase)
    sealed = ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(
        bytes(4) + nonce[16:], secret, bound_to or f"{kind} {name}".encode())
    return header + sealed


def locked_line(kind, secret, name, **how):
    return line(kind, lock(kind, secret, name, **how), name)


W, R = "signet-writer-v1", "signet-recipient-v1"
WS, RS = "signet-writer-secret-v1", "signet-recipient-secret-v1"
WL, RL = "signet-writer-secret-locked-v1", "signet-recipient-secret-locked-v1"
T, TL = "signet-witness-secret-v1", "signet-witness-secret-locked-v1"
good = line(W, WRITER, "gateway-a")

files = {
    "accepted/writer.pub": good,
    "accepted/recipient.pub": line(R, RECIPIENT, "analytics@example.com"),
    "accepted/writer.key": line(WS, SEED, "gateway-a"),
    "accepted/recipient.key": line(RS, SCALAR, "analytics@example.com"),
    "accepted/writer_locked.key": locked_line(WL, SEED, "gateway-a"),
    "accepted/recipient_locked.key": locked_line(RL, SCALAR, "analytics@example.com"),
    "accepted/witness.key": line(T, SEED, "witness.example.com"),
    "accepted/witness_locked.key": locked_line(TL, SEED, "witness.example.com"),
    "accepted/longest_name.pub": line(W, WRITER, "n" * 64),
    "accepted/after_comments.pub": "# the gateway in Lund\n\n#\n" + good,
    "accepted/no_line_end.pub": good[:-1],
    "malformed/empty.pub": "",
    "malformed/only_comments.pub": "# nothing\n\n",
    "malformed/no_name.pub": good.rsplit(" ", 1)[0] + "\n",
    "malformed/empty_name.pub": good.rsplit(" ", 1)[0] + " \n",
    "malformed/name_too_long.pub": line(W, WRITER, "n" * 65),
    "malformed/name_with_space.pub": line(W, WRITER, "gateway a"),
    "malformed/name_with_slash.pub": line(W, WRITER, "../a"),
    "malformed/two_spaces.pub": good.replace(" ", "  ", 1),
    "malformed/tab.pub": good.replace(" ", "\t", 1),
    "malformed/leading_space.pub": " " + good,
    "malformed/carriage_return.pub": good.replace("\n", "\r\n"),
    "malformed/byte_order_mark.pub": "\ufeff" + good,
    "malformed/not_base64.pub": good.replace(good.split()[1][:4], "!!!!"),
    "malformed/byte_above_127.pub": good.replace("/", "\xa1").encode("latin-1"),
    "malformed/short.pub": line(W, WRITER[:31], "gateway-a"),
    "malformed/long.pub": line(W, WRITER + b"\0", "gateway-a"),
    "malformed/locked_without_padding.key": locked_line(WL, SEED, "gateway-a").replace("==", ""),
    "malformed/unused_bits_set.key": locked_line(WL, SEED, "gateway-a").replace("A==", "B==").replace(
        "Q==", "R==").replace("g==", "h==").replace("w==", "x=="),
    "malformed/locked_as_plain.key": line(WS, lock(WL, SEED, "gateway-a"), "gateway-a"),
    "malformed/pem.key": "-----BEGIN PRIVATE KEY-----\n",
    "unsupported/version_2.pub": line("signet-writer-v2", WRITER, "gateway-a"),
    "unsupported/other_kind.pub": line("signet-witness-v1", WRITER, "gateway-a"),
    "checksum/one_letter.pub": good.replace(good.split()[1][5], chr(ord(good.split()[1][5]) ^ 1), 1),
    "checksum/secret_as_public.pub": line(W, SEED, "a", hashlib.sha256(WS.encode() + b" " + SEED).digest()[:4]),
    "checksum/writer_as_recipient.pub": good.replace(W, R),
    "trailing/second_key.pub": good + good,
    "trailing/comment_after.pub": good + "# gateway-a\n",
    "trailing/empty_line_after.pub": good + "\n",
    "limit/too_large.pub": "#" * (16 * 1024) + "\n" + good,
    # These parse; what is refused is the key in them.
    "unusable/small_order_writer.pub": line(W, bytes([1]) + bytes(31), "a"),
    "unusable/not_canonical_writer.pub": line(W, bytes([0xEE]) + b"\xff" * 30 + b"\x7f", "a"),
    "unusable/small_order_recipient.pub": line(R, bytes(32), "a"),
    # These parse; unlocking them with the passphrase is refused.
    "locked-passphrase/other_passphrase.key": locked_line(WL, SEED, "a", passphrase=b"correct horsf"),
    "locked-passphrase/other_name.key": locked_line(WL, SEED, "a", bound_to=f"{WL} b".encode()),
    "locked-passphrase/other_kind.key": locked_line(WL, SEED, "a", bound_to=f"{RL} a".encode()),
    "locked-limit/no_passes.key": locked_line(WL, SEED, "a", passes=0),
    "locked-limit/many_passes.key": locked_line(WL, SEED, "a", passes=17),
    "locked-limit/much_memory.key": locked_line(WL, SEED, "a", memory=(1 << 20) + 1),
    "locked-limit/little_memory.key": locked_line(WL, SEED, "a", memory=7),
}

for name, text in files.items():
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
print(f"{len(files)} files")
