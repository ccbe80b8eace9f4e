"""Text that people typed never becomes a header (trust.md R9, X1)."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, compat32

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from triagemail.mail.headers import HEADER_LIMIT, clean_header

# A decoded title that was an encoded word inside one (libraries.md M1).
NESTED = "down \U0001f4a9 =?UTF-8?Q?=0A?=Bcc: evil@attacker.example"
ODD = st.text(st.characters() | st.sampled_from("\r\n\x00\x0b\x85\u2028\u202e\u200b\ud800=?:\t "), max_size=400)


@given(ODD)
@example(NESTED)
@example("=\u200b?utf-8?q?=0ABcc: x?=")
@example("==??\r\n =?")
@example("a" * 199 + " b")
def test_x1_a_cleaned_title_is_one_safe_line(title: str) -> None:
    """X1: C0/C1, U+2028/9, bidi, zero-width out, `=?` broken up, 200 chars; idempotent."""
    cleaned = clean_header(title)
    assert len(cleaned.splitlines()) <= 1
    assert len(cleaned) <= HEADER_LIMIT
    assert "=?" not in cleaned
    assert not {"\u202e", "\u200b", "\x00", "\ud800", "\u2066", "\ufeff"} & set(cleaned)
    assert clean_header(cleaned) == cleaned
    cleaned.encode("utf-8")


@given(ODD)
@example(NESTED)
def test_x1_the_header_names_stay_the_same(title: str) -> None:
    """X1: header-name multiset unchanged, 0 exceptions; M1 subject verbatim: 0 Bcc."""
    mail = EmailMessage(policy=SMTP.clone(max_line_length=998))
    mail["To"] = "sara@acme.example"
    mail["Subject"] = clean_header(title)
    mail.set_content("x")
    names = [name for name, _ in message_from_bytes(mail.as_bytes(), policy=compat32).raw_items()]
    assert names == [name for name, _ in mail.raw_items()]
    assert "Bcc" not in names


@pytest.mark.parametrize(
    ("title", "cleaned"),
    [
        ("Website is down", "Website is down"),
        ("  two\t\tspaces \r\n and a fold", "two spaces and a fold"),
        ("Größe 本番障害 é", "Größe 本番障害 é"),
        ("pay\u202eexe.fdp", "payexe.fdp"),
        ("line\x0bvertical\u2028separator\x85next", "line vertical separator next"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("filler\u3164s\u115f\u1160 and\uffa0\u2800blanks", "fillers and blanks"),
        ("a heart \u2764\ufe0f", "a heart \u2764\ufe0f"),
        ("=?utf-8?q?x?=", "= ?utf-8?q?x?="),
    ],
)
def test_x1_what_is_kept(title: str, cleaned: str) -> None:
    """X1: what a person can read stays as it is."""
    assert clean_header(title) == cleaned
