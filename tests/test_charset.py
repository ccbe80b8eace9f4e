"""Bytes of declared, missing and lying charsets (libraries.md 5; trust.md C7)."""

from __future__ import annotations

import encodings.aliases

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triagemail.mail.charset import base64_octets, decode_header, decode_text, decode_words
from triagemail.mail.mime import parse

TOP = b"From: Sara <sara@acme.example>\r\nSubject: s\r\n"


@pytest.mark.parametrize(
    ("label", "octets", "text"),
    [
        ("gb2312", "朱镕基 €".encode("gb18030"), "朱镕基 €"),  # GBK under the narrow name
        ("ks_c_5601-1987", "똠방각하".encode("cp949"), "똠방각하"),
        ("shift_jis", "①髙﨑".encode("cp932"), "①髙﨑"),
        ("iso-8859-1", b"\x93quoted\x94 \x80", "\u201cquoted\u201d €"),
        ("iso-8859-9", "ıŞğ".encode("cp1254"), "ıŞğ"),
        ("tis-620", "ภาษา".encode("cp874"), "ภาษา"),
        ("iso-8859-8-i", "שלום".encode("iso8859-8"), "שלום"),
        ("iso-2022-jp", "障害".encode("iso2022_jp"), "障害"),
        ("ISO-2022-JP", b"\x1b$B-!\x1b(B and \x1b(I1\x1b(B", "① and ｱ"),  # NEC row 13 and half-width katakana
        ("utf-8", "naïve".encode(), "naïve"),
        ("utf-8", b"Gr\xf6\xdfe", "Größe"),  # nothing in it is UTF-8
        ("utf-8", "Größ".encode() + b"\xc3", "Größ\ufffd"),
        ("", "naïve".encode(), "naïve"),
        ("us-ascii", b"Gr\xf6\xdfe", "Größe"),
        ("unknown-8bit", "障害".encode(), "障害"),
        ("x-no-such", "障害".encode(), "障害"),
        ("utf-7", b"+AGEAYg-", "+AGEAYg-"),  # C7: refused
        ("unicode_escape", b"\\x41", "\\x41"),
        ("utf-16", "障害".encode("utf-16"), "障害"),
        ("'utf-8'", "é".encode(), "é"),
        ("utf-8", b"a\x00b", "a\ufffdb"),
    ],
)
def test_charsets_as_senders_mean_them(label: str, octets: bytes, text: str) -> None:
    """libraries.md 5: the superset of the label; undeclared 8-bit guessed; D6: no NUL, no surrogate."""
    assert decode_text(octets, label)[0] == text


def test_c7_every_codec_of_python_as_a_charset() -> None:
    """C7: all of Python's codecs as charset names: 0 exceptions; none outside the allow-list is honoured."""
    for label in {
        *encodings.aliases.aliases,
        *encodings.aliases.aliases.values(),
        "idna",
        "punycode",
        "unicode_escape",
        "rot13",
    }:
        text = parse(
            TOP + b"Content-Type: text/plain; charset=" + label.encode() + b"\r\n\r\nhello \\x41 \xc3\xa9\x80"
        ).text
        text.encode("utf-8")
        assert not text.startswith("uryyb")


def test_p11_japanese_bodies_are_decoded() -> None:
    """P11: ISO-2022-JP bodies with 7bit or no transfer encoding come back undecoded from mail-parser."""
    body = "サイトが落ちています".encode("iso2022_jp")
    assert parse(TOP + b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + body).text == "サイトが落ちています"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=?utf-8?q?a_b?= =?utf-8?q?c?=", "a bc"),
        ("=?utf-8?b?5pys?= plain =?utf-8?b?55Wq?=", "本 plain 番"),
        ("=?utf-8?q?=E6=9C?= =?utf-8?q?=AC?=", "本"),  # cut in the middle of a character
        ("=?no-such?q?x?= =?utf-8?q?y?=", "xy"),
        ("=?utf-8*en?q?x?=", "x"),
        ("=?utf-8?x?nope?=", "=?utf-8?x?nope?="),
        ("=?iso-8859-1?q?Fr\u00f6sche?=", "Frösche"),
        ("plain", "plain"),
    ],
)
def test_encoded_words(value: str, text: str) -> None:
    """RFC 2047 6.2: white space between neighbouring encoded words goes; what is malformed stays."""
    assert decode_words(value) == text


def test_m1_an_encoded_word_inside_another_stays_text() -> None:
    """M1, P5: encoded-words may decode to CR/LF: the subject is one line and holds no encoded word."""
    inside = b"=?utf-8?q?down_=3D=3FUTF-8=3FQ=3F=3D0A=3F=3DBcc=3A_evil=40attacker?="
    subject = b"Subject: " + inside + b"\r\n =?utf-8?q?=0D=0ABcc:_x?=\r\n"
    found = parse(subject + b"From: a@acme.example\r\n\r\nx").subject
    assert "\n" not in found
    assert "=?" not in found
    assert found.startswith("down ")


@given(st.binary(max_size=60), st.text(max_size=12), st.sampled_from(["", "cp932", "gb18030"]))
def test_nothing_raises(octets: bytes, label: str, hint: str) -> None:
    """Never raises, and what comes out can be stored (D6)."""
    shown = decode_text(octets, label, hint)[0] + decode_text(octets, "iso-2022-jp")[0]
    assert "\x00" not in shown
    shown.encode("utf-8")
    decode_header(octets, hint)
    decode_words(f"=?{label}?b?{label}?= =?{label}?q?{label}?=", hint)
    base64_octets(octets)


def test_what_is_undeclared_is_read_like_the_rest_of_the_mail() -> None:
    """Undeclared 8-bit: try utf-8, then what another part of the mail declares, then cp1252 (libraries.md 5)."""
    raw = b"Subject: =?shift_jis?b?" + b"jvGN0A==" + b"?=\r\n\r\n" + "障害".encode("cp932")
    assert parse(raw).text == "障害"
    assert parse(b"Subject: x\r\n\r\n" + "é".encode("cp1252")).text == "é"
