"""Bytes of a declared, missing or lying charset into text, and RFC 2047 encoded words (libraries.md 5; trust.md C7).
Never raises.
"""

from __future__ import annotations

import binascii
import re

# Labels that mail really uses, each with the codec to read it with. The superset is taken where senders label the wider
# set with the narrow name (libraries.md 5: gb2312 that holds GBK, iso-8859-1 with the quotes of cp1252). What is not
# listed is not honoured: Python would run `unicode_escape`, `idna` or `punycode` on request, and utf-7 hides markup
# (trust.md C7).
_CODECS = {
    "gb18030": "gb2312 gbk gb18030 cp936 x-gbk chinese gb_2312-80 euc-cn csgb2312 iso-ir-58",
    "hz": "hz hz-gb-2312",
    "big5hkscs": "big5 big5-hkscs cn-big5 x-x-big5 big5hkscs",
    "cp949": "ks_c_5601-1987 ks_c_5601 ks_c_5601-1989 ksc_5601 ksc5601 euc-kr cp949 korean windows-949 uhc",
    "iso2022_kr": "iso-2022-kr",
    "cp932": "shift_jis shift-jis sjis x-sjis windows-31j cp932 ms_kanji csshiftjis ms932",
    "euc_jp": "euc-jp x-euc-jp eucjp euc_jp cseucpkdfmtjapanese",
    "iso2022_jp_ext": "iso-2022-jp iso-2022-jp-1 iso-2022-jp-2 iso-2022-jp-3 csiso2022jp cp50220 cp50221",
    "cp1252": "iso-8859-1 latin1 latin-1 l1 iso8859-1 iso_8859-1 windows-1252 cp1252 cp819 ansi x-ansi",
    "cp1250": "windows-1250 cp1250 x-cp1250",
    "cp1251": "windows-1251 cp1251 x-cp1251 win-1251",
    "cp1253": "windows-1253 cp1253",
    "cp1254": "iso-8859-9 iso8859-9 latin5 windows-1254 cp1254",
    "cp1255": "windows-1255 cp1255",
    "cp1256": "windows-1256 cp1256",
    "cp1257": "windows-1257 cp1257",
    "cp1258": "windows-1258 cp1258",
    "cp874": "tis-620 windows-874 cp874 iso-8859-11",
    "iso8859-2": "iso-8859-2 iso8859-2 latin2",
    "iso8859-3": "iso-8859-3",
    "iso8859-4": "iso-8859-4",
    "iso8859-5": "iso-8859-5",
    "iso8859-6": "iso-8859-6 iso-8859-6-i iso-8859-6-e",
    "iso8859-7": "iso-8859-7 iso8859-7 greek",
    "iso8859-8": "iso-8859-8 iso-8859-8-i iso-8859-8-e logical",
    "iso8859-10": "iso-8859-10",
    "iso8859-13": "iso-8859-13",
    "iso8859-14": "iso-8859-14",
    "iso8859-15": "iso-8859-15 iso8859-15 latin-9 latin9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "koi8-r koi8r cskoi8r",
    "koi8-u": "koi8-u koi8-ru",
    "cp437": "cp437 ibm437",
    "cp850": "cp850 ibm850",
    "cp852": "cp852 ibm852",
    "cp866": "cp866 ibm866",
    "mac_roman": "macintosh mac x-mac-roman",
    "mac_cyrillic": "x-mac-cyrillic",
    "utf-8": "utf-8 utf8 unicode-1-1-utf-8 utf-8-sig utf8mb4 unicode",
    "utf-16": "utf-16 ucs-2 iso-10646-ucs-2",
    "utf-16-le": "utf-16le utf-16-le",
    "utf-16-be": "utf-16be utf-16-be",
    "utf-32": "utf-32",
    "utf-32-le": "utf-32le",
    "utf-32-be": "utf-32be",
}
_BY_LABEL = {label: codec for codec, labels in _CODECS.items() for label in labels.split()}
_ASCII = ("", "us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "unknown", "unknown-8bit", "x-unknown", "none")

_SEVEN_BIT = ("hz", "iso2022_kr", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")  # not ASCII
_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")  # RFC 2047 2, and spaces, which are sent too
_ESCAPE = re.compile(rb"\x1b(?:\$[@B]|\([BJI]|\$\([DOPQ])")
_UNSAFE = re.compile("[\x00\ud800-\udfff]")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_JIS = b"\x1b$"


def codec_of(label: str) -> str | None:
    """The codec for a charset label; "" for none or plain ASCII (what holds 8-bit bytes then must be guessed), None if
    unknown.
    """
    label = label.strip(" \t\"'").lower()
    if label in _ASCII:
        return ""
    # RFC 2231 5 lets an encoded word name a language after `*`.
    return _BY_LABEL.get(label) or _BY_LABEL.get(label.partition("*")[0].replace("_", "-"))


def decode_text(octets: bytes, label: str, hint: str = "") -> tuple[str, str]:
    """`octets` as text, and a defect ("" or unknown-charset, bad-charset). NUL and lone surrogates become U+FFFD.

    `hint` is the codec that another part or the subject of the same mail declared: the best guess where nothing is
    declared.
    """
    codec = codec_of(label)
    defect = "unknown-charset" if codec is None else ""
    if octets.isascii() and _JIS not in octets and codec not in _SEVEN_BIT:
        return _scrub(octets.decode("ascii")), defect
    if not codec:
        return _scrub(_guess(octets, hint)), defect
    try:
        return _scrub(octets.decode(codec)), defect
    except UnicodeError:
        return _scrub(_recover(octets, codec)), "bad-charset"


def decode_words(text: str, hint: str = "") -> str:
    """A header value with its RFC 2047 encoded words decoded; what is malformed stays as it stands. Linear.

    Neighbouring words of one charset are joined as bytes first: senders split them in the middle of a character.
    """
    if "=?" not in text:
        return text
    out: list[str] = []
    run: list[bytes] = []
    charset, at = "", 0
    for word in _WORD.finditer(text):
        between = text[at : word.start()]
        if run and (between.strip() or word[1].lower() != charset):
            out.append(decode_text(b"".join(run), charset, hint)[0])
            run.clear()
        if between.strip() or not at:
            out.append(between)
        run.append(_word_octets(word[1], word[2], word[3]))
        charset, at = word[1].lower(), word.end()
    out.append(decode_text(b"".join(run), charset, hint)[0])
    out.append(text[at:])
    return "".join(out)


def decode_header(octets: bytes, hint: str = "") -> str:
    """The raw bytes of a header value as undecoded text: UTF-8 (RFC 6532), else the `hint` codec, else cp1252."""
    if octets.isascii() and _JIS not in octets:
        return octets.decode("ascii")
    return _guess(octets, hint)


def base64_octets(text: bytes) -> bytes:
    """Base64 decoded as far as it goes: foreign characters are skipped and padding is made up (RFC 2045 6.8).

    The first padding ends it; Python 3.13 would take the footer that a list put below it for more.
    """
    head, _, rest = text.partition(b"=")
    if rest.strip(b"= \t\r\n") and len(_NOT_BASE64.sub(b"", head)) % 4 > 1:
        text = head
    try:
        return binascii.a2b_base64(text)
    except binascii.Error:
        kept = _NOT_BASE64.sub(b"", text)
        kept = kept[: len(kept) - (len(kept) % 4 == 1)]
        return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))


def _word_octets(charset: str, encoding: str, text: str) -> bytes:
    # Raw 8-bit characters in an encoded word are forbidden and sent; they were meant in its charset.
    octets = text.encode("ascii" if text.isascii() else codec_of(charset) or "utf-8", "replace")
    return base64_octets(octets) if encoding in "bB" else binascii.a2b_qp(octets, header=True)


def _guess(octets: bytes, hint: str) -> str:
    """Undeclared bytes: JIS and UTF-8 show themselves; then the hint; then what Western senders leave unsaid."""
    if _JIS in octets and octets.isascii():
        return _recover(octets, "iso2022_jp_ext")
    for codec in ("utf-8", hint):
        try:
            return octets.decode(codec or "ascii")
        except UnicodeError:
            continue
    return octets.decode("cp1252", "replace")


def _recover(octets: bytes, codec: str) -> str:
    """Text from bytes that break their charset's rules: our own JIS, UTF-8 under a wrong label, else U+FFFD."""
    if codec == "iso2022_jp_ext":
        return _jis(octets)
    if codec == "utf-8":
        # Cut off or broken somewhere, it stays UTF-8; without one true sequence in it, the label was wrong.
        wide = not octets.decode("utf-8", "ignore").isascii()
        return octets.decode("utf-8" if wide else "cp1252", "replace")
    try:
        return octets.decode("utf-8")
    except UnicodeError:
        return octets.decode(codec, "replace")


def _jis(octets: bytes) -> str:
    """ISO-2022-JP with the NEC and IBM rows that Microsoft's cp50220 adds and Python's codecs lack, by way of
    Shift_JIS.

    Each two-byte run is moved from JIS to Shift_JIS code points and read with cp932 (JIS X 0208 annex 1 gives the
    shift).
    """
    out: list[str] = []
    mode, at = b"\x1b(B", 0
    for escape in [*_ESCAPE.finditer(octets), None]:
        run = octets[at : escape.start() if escape else len(octets)]
        out.append(_jis_run(run, mode))
        if escape:
            mode, at = escape[0], escape.end()
    return "".join(out)


def _jis_run(run: bytes, mode: bytes) -> str:
    if mode == b"\x1b(I":  # half-width katakana, seven bits wide
        return bytes(byte | 0x80 for byte in run).decode("cp932", "replace")
    if mode not in (b"\x1b$B", b"\x1b$@"):
        return run.decode("utf-8", "replace")
    shifted = bytearray()
    at = 0
    while at < len(run):
        high, low = run[at], run[at + 1] if at + 1 < len(run) else 0
        if not (0x21 <= high <= 0x7E and 0x21 <= low <= 0x7E):
            shifted.append(high if high < 0x80 else 0x3F)
            at += 1
            continue
        lead = (high + 1) // 2 + (0x70 if high < 0x5F else 0xB0)
        trail = low + (0x1F + (low > 0x5F) if high % 2 else 0x7E)
        shifted += bytes((lead, trail))
        at += 2
    return shifted.decode("cp932", "replace")


def _scrub(text: str) -> str:
    """NUL breaks PostgreSQL's text and a lone surrogate breaks every UTF-8 writer (libraries.md D6)."""
    return _UNSAFE.sub("\ufffd", text) if not text.isprintable() else text
