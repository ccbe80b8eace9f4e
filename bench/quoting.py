"""How much of what people wrote is found, and how time grows: `python bench/quoting.py [CORPUS]` from the root of
the checkout.

exact, lost and leak are as in `libraries.md` 3: equal after white space is normalised; an expected line is missing;
a line too many.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from triagemail.mail import quoting


def main() -> None:
    corpus = (
        Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent.parent / "shared/corpus/replies.jsonl"
    )
    score(corpus)
    growth()


def score(corpus: Path) -> None:
    counts: dict[str, Counter[str]] = {}
    for row in map(json.loads, corpus.read_text("utf-8").splitlines()):
        got, expected = texts(row)
        result = judge(got, expected, row["html"])
        counts.setdefault(row["source"], Counter())[result] += 1
        counts.setdefault("all", Counter())[result] += 1
        if result != "exact" and "-v" in sys.argv:
            print(result, row["id"], row["name"])
    print(f"{'source':14}{'mails':>7}{'exact':>8}{'lost':>7}{'leak':>7}")
    for source, count in counts.items():
        total = count.total()
        lost, leak = count["lost"] + count["both"], count["leak"] + count["both"]
        print(f"{source:14}{total:7}{count['exact'] / total:8.1%}{lost / total:7.1%}{leak / total:7.1%}")


def texts(row: dict[str, str]) -> tuple[str, str]:
    text, expected = row["text"], row["expected"]
    if row["html"]:
        from triagemail.mail.html import html_to_text

        text, expected = html_to_text(text), re.sub("<[^<>]*>", "", expected).replace("&#160;", " ")
    return quoting.new_text(quoting.split(text)), expected


def judge(got: str, expected: str, html: bool) -> str:
    if html:  # the expected texts of the HTML rows have no white space at all
        got, expected = re.sub(r"\s", "", got), re.sub(r"\s", "", expected)
        if got != expected:
            return "leak" if expected in got else "lost" if got in expected else "both"
    left, right = lines(got), lines(expected)
    if " ".join(left) == " ".join(right):
        return "exact"
    lost, leak = set(right) - set(left), set(left) - set(right)
    return "both" if lost and leak else "lost" if lost else "leak"


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.split("\n") if line.strip()]


HOSTILE = [
    "On On On ", "\n", ">", "> ", "From:\n", "-----", "x", "On aaa\n", "On Mon wrote:\n",
    "From: a@b.example\nSent: 1\n", "> a\nb\n", "-- \n", "__\n", "<", "a@b.example ",
    "On Mon, 3 May 2021 10:00 Bob <b@x.example> wrote:\n> a\n",
    "On Mon, 3 May 2021 <\n", ">\n", "> >", "|\n", "| a\n", "To:\nSubject:\n", "-----Original Message-----\n",
    "-----Original", "Sent from my iPhone\n", "Begin forwarded message:\n", " \t", "\u00a0", "1:1:", "2021-01-01 ",
    "a@b\n", ": \n", "wrote:\n", "schrieb am ", "\u200f", "\u0301", "This email and any\n",
    "--- Please write above this line\n",
    "(", "\r", "```\n", "```\na\n", "-----BEGIN PGP SIGNATURE-----\n", "To\n1/1/2021 10:00\n", "AB> x\n", "İ", "字",
    "agree\n\n> a\n", "From: a@b.example\nDate: 2021\n\n> x\n> y\n",
]  # fmt: skip


def growth() -> None:
    worst = slowest = 0.0
    for piece in HOSTILE:
        small, large = (run(piece * (size // len(piece))) for size in (100_000, 1_000_000))
        ratio = large / max(small, 0.01)
        worst, slowest = max(worst, ratio), max(slowest, large)
        if ratio > 15 or large > 1 or "-v" in sys.argv:
            print(f"{piece[:30]!r:36}{small:8.3f} s{large:8.3f} s   x{ratio:.1f}")
    print(f"{len(HOSTILE)} hostile texts: worst time ratio of 1 MB to 100 kB {worst:.1f}, slowest {slowest:.2f} s")


def run(text: str) -> float:
    start = time.process_time()
    quoting.split(text, text[:2000])
    return time.process_time() - start


if __name__ == "__main__":
    main()
