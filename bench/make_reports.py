"""Report mails for the benchmarks, deterministic: half complete, half without a priority, 15 % with a 50 kB attachment.

python bench/make_reports.py FOLDER COUNT
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

THINGS = ["Checkout", "Login", "Invoice export", "Search", "Password reset", "CSV import", "Payment page", "Website"]
WRONG = [
    "is down",
    "returns HTTP 500",
    "is very slow",
    "shows wrong totals",
    "rejects valid input",
    "times out for customers",
]
LOREM = [
    "the",
    "customer",
    "opened",
    "the",
    "page",
    "and",
    "clicked",
    "the",
    "button",
    "but",
    "nothing",
    "happened",
    "so",
    "they",
    "tried",
    "again",
    "and",
    "then",
    "called",
    "support",
    "who",
    "saw",
    "an",
    "error",
    "in",
    "the",
    "console",
    "and",
    "a",
    "timeout",
    "in",
    "the",
    "log",
    "of",
    "the",
    "machine",
    "behind",
    "it",
]
EXTRA = ["Größe und naïve Müller", "plain words only", "déjà vu, señor", "Привет из Москвы", "本番環境で障害が発生"]


def paragraph(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(LOREM) for _ in range(words)).capitalize() + "."


def report(number: int, chance: random.Random) -> bytes:
    """One mail as a usual mail program and two mail servers leave it."""
    thing, wrong = chance.choice(THINGS), chance.choice(WRONG)
    author = f"user{number // 5:05d}@acme.example"  # nobody sends more than the budgets answer
    answers = [
        ("What is happening?", f"{thing} {wrong}. {EXTRA[number % 5]} {paragraph(chance, 25)}"),
        ("What did you expect instead?", paragraph(chance, 8)),
        ("How can we see it ourselves?", "\n".join(f"  {k}. {paragraph(chance, 9)}" for k in range(1, 4))),
        (
            "Who is affected, and can they work around it?",
            f"{chance.randint(1, 900)} customers. {paragraph(chance, 10)}",
        ),
        ("What type of response do you want from me?", f"P{chance.choice([1, 2, 2, 3])}"),
    ]
    if number % 2:
        answers.pop()
    text = "Hi,\n\n" + "\n\n".join(f"{label}\n{said}" for label, said in answers) + "\n\n-- \nA colleague\nAcme\n"
    mail = EmailMessage(policy=SMTP)
    mail["Authentication-Results"] = "mail0.acme.example; dmarc=pass header.from=acme.example"
    for hop in range(3):
        mail["Received"] = (
            f"from mx{hop}.acme.example (mx{hop}.acme.example [192.0.2.{hop}]) by mail{hop}.acme.example with ESMTPS id"
            f" {chance.getrandbits(44):011X}; Mon, 23 Nov 2026 09:0{hop}:00 +0000"
        )
    mail["DKIM-Signature"] = (
        f"v=1; a=rsa-sha256; d=acme.example; s=s; h=From:To:Subject; bh={chance.getrandbits(256):x};"
        f" b={chance.getrandbits(1024):x}"
    )
    mail["From"] = f"A Colleague <{author}>"
    mail["To"] = "issues@acme.example"
    mail["Date"] = format_datetime(datetime.now(UTC))  # an old mail shows nothing
    mail["Message-ID"] = f"<{number:06d}.{chance.getrandbits(64):016x}@acme.example>"
    mail["Subject"] = f"{thing} {wrong} (R{number:06d})"
    mail.set_content(text, cte="quoted-printable")
    if number % 20 < 13:
        rows = "".join(f"<p><b>{label}</b><br>{said}</p>" for label, said in answers)
        mail.add_alternative(f"<html><body>{rows}</body></html>", subtype="html", cte="quoted-printable")
    if number % 20 >= 17:
        mail.add_attachment(chance.randbytes(37_000), maintype="image", subtype="png", filename="screen.png")
    return bytes(mail)


def write(folder: Path, count: int, seed: int = 7) -> None:
    """`count` mails as FOLDER/000000.eml and so on."""
    chance = random.Random(seed)
    random.seed(seed)  # the boundaries of MIME come from the global generator
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number:06d}.eml").write_bytes(report(number, chance))


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
