"""Kill -9 again and again, between a real Dovecot and a relay that counts (trust.md D1, R1-R3).

    PYTHONPATH=. python bench/kill.py [--seeds 5] [--first 1] [--kills 200] [--mails 1000]

Every other kill is at a named step, the others up to 0.9 s after a mail was worked off. Ends with 1 where a promise
does not stand, or where one of the two wrong designs, which must lose mails, is not found out. They are played before
seed 1 only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import servers
from siege import Outcome, siege


def show(name: str, found: Outcome) -> None:
    steps = ", ".join(f"{step} {n}" for step, n in sorted(found.steps.items()) if n)
    print(
        f"{name}: {found.kills} kills in {found.seconds:.0f} s, {found.twice} mails went out twice; at steps: {steps}"
    )
    for each in found.wrong:
        print(f"  WRONG: {each}")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--seeds", type=int, default=5)
    ask.add_argument("--first", type=int, default=1)
    ask.add_argument("--kills", type=int, default=200)
    ask.add_argument("--mails", type=int, default=1_000)
    asked = ask.parse_args()
    failed = False
    with servers.dovecot() as dovecot, tempfile.TemporaryDirectory(prefix="tm-kill-") as top:

        def play(name: str, **rest: object) -> Outcome:
            folder = Path(top) / name
            folder.mkdir()
            found = siege(folder, dovecot, name, deaths=asked.kills, mails=asked.mails, **rest)  # type: ignore[arg-type]
            show(name, found)
            return found

        for design in ("seen", "atmost") if asked.first == 1 else ():
            failed |= not play(design, seed=0, design=design).wrong
        for seed in range(asked.first, asked.seeds + 1):
            failed |= bool(play(f"seed{seed}", seed=seed).wrong)
    found_out = "; both wrong designs found out" if asked.first == 1 else ""
    print("a promise does not stand" if failed else f"nothing lost, nothing decided twice{found_out}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
