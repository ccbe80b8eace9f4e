"""The signing keys: a file outside the database, two live at a time, rotated by a command (trust.md 3.3, A10)."""

from __future__ import annotations

import hmac
import os
from base64 import b32encode
from datetime import date, timedelta
from pathlib import Path

import pytest

from triagemail import keys
from triagemail.mail.tokens import EXPIRES_DAYS, Keyring, Token

TODAY = date(2026, 11, 26)
LATER = TODAY + timedelta(days=EXPIRES_DAYS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "triagemail.keys"
    keys.write_new_key(path, TODAY - timedelta(days=200))
    return path


def ring(file: Path) -> Keyring:
    return Keyring(keys.read_keys(file), "acme.example")


@pytest.mark.parametrize(("base", "letters"), [("issues", 26), ("production-incidents-of-acme-group", 20)])
def test_a_token_is_what_the_standard_library_makes_of_it(base: str, letters: int) -> None:
    """trust.md 3.3: base32(HMAC-SHA256(...)), lower case, whatever the release that signed it: a mail is answered for
    90 days."""
    for number in range(50):
        key, token = bytes([number]) * 32, Token("b", number, 4_321, 20_000)
        payload, _, mac = Keyring({"a": key}, "acme.example").detail(token, base)[2:].partition("-")
        digest = hmac.digest(key, f"triagemail1|b|{payload}|acme.example".encode(), "sha256")
        assert mac == b32encode(digest).decode().lower()[:letters]


def test_old_mails_can_be_answered_after_a_rotation_and_not_after_two(file: Path) -> None:
    """A10: old key accepted after rotation, refused after removal."""
    token = Token("r", 7, 3, 30_000)
    old = ring(file).detail(token, "issues")
    assert keys.rotate(file, TODAY) == ("b", ())
    assert ring(file).current == "b"
    assert ring(file).read(old, 29_000) == token
    assert keys.rotate(file, LATER) == ("c", ("a",))
    assert ring(file).read(old, 29_000) is None
    assert list(keys.read_keys(file)) == ["c", "b"]


def test_a_key_whose_mails_may_be_answered_is_not_dropped_unasked(file: Path) -> None:
    """Reply addresses are good for 90 days: a second rotation within them would make answers worthless."""
    keys.rotate(file, TODAY)
    before = file.read_bytes()
    with pytest.raises(keys.TooSoon, match="key a "):
        keys.rotate(file, LATER - timedelta(days=1))
    assert file.read_bytes() == before
    assert keys.rotate(file, LATER - timedelta(days=1), force=True) == ("c", ("a",))


def test_a_file_of_an_older_release_is_read(file: Path) -> None:
    """Lines without a day; nobody knows how old such a key is, so it is not dropped unasked."""
    file.write_text(f"a {'ab' * 32}\n# made by hand\n\nb {'cd' * 16}\n")
    assert {name: len(secret) for name, secret in keys.read_keys(file).items()} == {"a": 32, "b": 16}
    with pytest.raises(keys.TooSoon):
        keys.rotate(file, TODAY)


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "a\n", "a zz\n", "a abcd\n", f"ab {'ab' * 32}\n", f"1 {'ab' * 32}\n",
             f"a {'ab' * 32} soon\n"],
)  # fmt: skip
def test_a_bad_file_is_refused_and_left_alone(file: Path, text: str) -> None:
    """One clear line that names the file, and shows no key."""
    file.write_text(text)
    with pytest.raises(ValueError, match=r"triagemail\.keys") as refused:
        keys.rotate(file, TODAY)
    assert "abab" not in str(refused.value)
    assert file.read_text() == text


def test_the_new_file_takes_the_place_and_mode_of_the_old_one(file: Path) -> None:
    """0600 stays 0600, a group that may read stays; nothing else is left in the folder."""
    file.chmod(0o640)
    keys.rotate(file, TODAY)
    assert file.stat().st_mode & 0o777 == 0o640
    assert os.listdir(file.parent) == [file.name]


def test_no_key_is_used_again(file: Path) -> None:
    """secrets module: each key is new, and an id that is still live is never given away."""
    seen, day = set(keys.read_keys(file).values()), TODAY
    for _ in range(40):
        made, _ = keys.rotate(file, day)
        day += timedelta(days=EXPIRES_DAYS)
        live = keys.read_keys(file)
        assert len(live) == 2
        assert live[made] not in seen
        seen.add(live[made])
