"""The way from one schema to the next, a module each: `to_2` leads from 1 to 2. What such a module did when it was
released it does for ever, so it names its statements itself and takes none from schema.py.

A test holds the end of the way equal to what schema.py makes anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from triagemail.store.migrations import to_2, to_3, to_4, to_5
from triagemail.store.store import Store

STEPS: Mapping[int, Callable[[Store], None]] = {2: to_2.up, 3: to_3.up, 4: to_4.up, 5: to_5.up}
