"""Text of `format=flowed` with its soft line breaks undone (RFC 3676)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triagemail.mail.flowed import unflow
from triagemail.mail.mime import parse

TOP = b"From: Sara <sara@acme.example>\r\nSubject: s\r\n"


@pytest.mark.parametrize(
    ("fields", "body", "text"),
    [
        (b"format=flowed", b"one \r\ntwo\r\n>  quoted \r\n> on\r\n-- \r\nSara", "one two\n>  quoted on\n-- \nSara"),
        (b"format=flowed; delsp=yes", b"\xe4\xb8\x80 \r\n\xe4\xba\x8c; charset", "\u4e00\u4e8c; charset"),
        (b"format=flowed", b" >stuffed\r\n  two", ">stuffed\n two"),
        (b"format=flowed", b">> deep \r\n> less\r\nnone", "> > deep \n> less\nnone"),
        (b"format=fixed", b"one \r\ntwo", "one \ntwo"),
    ],
)
def test_flowed_text_is_joined(fields: bytes, body: bytes, text: str) -> None:
    """RFC 3676: soft line breaks are undone per quote depth; the signature line stays."""
    assert parse(TOP + b"Content-Type: text/plain; charset=utf-8; " + fields + b"\r\n\r\n" + body).text == text


@given(st.text("> a-\n", max_size=200))
def test_flowing_loses_no_words(text: str) -> None:
    """RFC 3676: only line breaks, quote signs and single spaces change."""
    assert "".join(unflow(text).split()).replace(">", "") == "".join(text.split()).replace(">", "")
