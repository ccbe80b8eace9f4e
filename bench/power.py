"""The power goes while a service works: its writes, recorded by strace, are played back (trust.md D3).

    PYTHONPATH=. python bench/power.py [--mails 100] [--points 100] [--seeds 3]

At each point the database is what was synced by then and, of the rest, what the dice leave of it: a write is there, is
not, or is torn at a sector. Ends with 1 where it is broken, a promise to the mail server or to a recipient does not
stand or an issue is not what its journal says; or where a disk that lies about its syncs, which must lose mails, is not
found out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import power


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--mails", type=int, default=100)
    ask.add_argument("--points", type=int, default=100)
    ask.add_argument("--seeds", type=int, default=3)
    asked = ask.parse_args()
    with tempfile.TemporaryDirectory(prefix="tm-power-") as top:
        recorded = power.record(Path(top), asked.mails)
        kinds = Counter(type(each).__name__ for each in recorded.done)
        print(", ".join(f"{count} {kind}" for kind, count in kinds.most_common()))
        failed = False
        for seed in range(1, asked.seeds + 1):
            found = power.play(Path(top), recorded, points=asked.points, seed=seed)
            print(f"seed {seed}: {found.losses} losses of power, {found.promises} promises, {len(found.wrong)} broken")
            for each in found.wrong[:10]:
                print(f"  WRONG: {each}")
            failed |= bool(found.wrong)
        lying = power.play(Path(top), recorded, points=asked.points, seed=0, lies=True)
        print(f"a disk that lies: {len(lying.wrong)} broken at {lying.losses} points")
        failed |= not lying.wrong
    sys.exit(failed)


if __name__ == "__main__":
    main()
