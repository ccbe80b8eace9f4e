"""How many samples stand in each corpus of the tests, and how many the specification asks for (trust.md 4). Own texts;
`docs/trust.md` shows it."""

from __future__ import annotations

from typing import NamedTuple

from absences import ABSENCES
from spoofs import EVIL_PLACES, EVIL_RESULTS, GENUINE, TRICKS
from test_address import BELIEVED, REFUSED
from test_client_layouts import EVERY as LAYOUTS
from test_regexes import GENERAL as ADVERSARIAL
from test_web import XSS


class Corpus(NamedTuple):
    what: str
    row: str
    wanted: int
    samples: tuple[object, ...]
    file: str


def each_of(*parts: object) -> tuple[object, ...]:
    return tuple(sample for part in parts for sample in part)  # type: ignore[attr-defined]  # of several element types


CORPORA = (
    Corpus("forged mails", "A1", 60, tuple(name for name, _ in TRICKS), "tests/spoofs.py"),
    Corpus("Authentication-Results", "A2", 80, each_of(GENUINE, EVIL_RESULTS, EVIL_PLACES), "tests/spoofs.py"),
    Corpus("forms of From", "A4", 50, each_of(BELIEVED, REFUSED), "tests/test_address.py"),
    Corpus("out-of-office answers", "L2", 40, each_of(*ABSENCES.values()), "tests/absences.py"),
    Corpus("replies of mail programs", "C10", 25, tuple(LAYOUTS), "tests/test_client_layouts.py"),
    Corpus("adversarial strings", "C6", 40, tuple(ADVERSARIAL), "tests/test_regexes.py"),
    Corpus("hostile markup", "X4", 60, tuple(XSS), "tests/test_web.py"),
)
