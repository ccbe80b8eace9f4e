"""Sample values for every mail template: what `check_templates` renders at start, and what the gallery shows.

One made-up morning at a made-up company. A template override that works with all of these fits.
"""

from __future__ import annotations

from triagemail.mail.samples_answers import ANSWERS
from triagemail.mail.samples_company import ALICE as ALICE
from triagemail.mail.samples_company import BOB as BOB
from triagemail.mail.samples_company import NOW as NOW
from triagemail.mail.samples_company import POLICY as POLICY
from triagemail.mail.samples_company import REPLY_TO as REPLY_TO
from triagemail.mail.samples_company import Sample
from triagemail.mail.samples_decisions import DECISIONS
from triagemail.mail.samples_desk import DESK
from triagemail.mail.samples_list import BROADCASTS
from triagemail.mail.samples_reports import REPORTS
from triagemail.mail.samples_work import WORK

ALL: tuple[Sample, ...] = (*REPORTS, *DECISIONS, *WORK, *ANSWERS, *DESK, *BROADCASTS)


def cases(template: str = "") -> tuple[Sample, ...]:
    """All samples, or those of one template."""
    return tuple(sample for sample in ALL if template in ("", sample.template))
