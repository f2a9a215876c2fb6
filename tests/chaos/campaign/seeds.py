"""The seeds that are played on purpose: with every change, and because they once failed."""

from typing import Final

CI: Final = (2, 3, 8, 9, 20, 30, 31, 41)
"""All heavy faults but those of ``SLOW``, and all beginnings."""
LEFT_TO_THE_NIGHT: Final = frozenset({"fault F13"})
"""Points that ``CI`` need not reach, since ``SLOW`` does."""
SLOW: Final = (21,)
"""Played at night: after ``NoKafka`` the work of a whole campaign flows at once, and two cores need 41 s for what may
take 40."""

REGRESSIONS: Final = {
    1: "a kill at a crash point came later than the rig had looked for it, and passed for a death of its own (rig)",
    2: "a row was claimed anew while its first claim waited for a permit; a group commit told both that they held it, "
    "and an invoice was made twice (product, `chassis.work.committer`); entries before the tenants' activation were "
    "expected after a jump of the clock (rig); later: a relay that died while it published one lost topic again forgot "
    "that another was lost too, and a message was gone from the broker (product, `chassis.messaging.sending`)",
    3: "a decision whose answer was lost was waited for again (rig); an invoice could not name a buyer that reads did "
    "not show yet (sandbox); a refusal by 401 passed for a call that may have been carried out (checker)",
    6: "people waited for a payment of the planned sum where the invoice was a kopeck off (rig)",
    8: "a lost topic was published again; an event lay by chance where it had lain, and a consumer took the log for "
    "the old one and never took what lay before it (product, `chassis.messaging.loss`)",
    9: "people paid more than a small invoice that was to stay paid in part (rig); later: both sends of a message to "
    "the chat were lost, and it heard of an outage's end alone (product, `connectors.bitrix24.lookups`)",
    20: "a person said that an act be sent again, with the key of the first call, whose body the vendor never read; "
    "the checker did not know whose that call was, nor that anybody had said so (checker); also 30",
    21: "a fault that holds a transaction came while another had killed Postgres, and struck nothing (rig)",
    30: "a message to the chat had three lost answers and was said three times (product, as 9)",
    31: "work reserved the calls of its worst case and gave none back: a portal at its limit served a fifth of what it "
    "may, and deals were not at rest in time (product, `chassis.work.permits`); also 3 and 30",
    41: "a claim read the clock before it waited for its turn, so that work which another one had found due meanwhile "
    "was taken as of a moment before its time (product, `chassis.work.claims`)",
    210: "a call to void an invoice was lost before a jump of the clock, and that people were asked about it passed "
    "for a question without a reason (checker)",
    212: "a refusal whose body was empty passed for a call that may have been carried out (checker)",
    213: "a clock that jumped back twice came to lie before the tenants' activation, so that what entered then was "
    "none of ours (rig); why it jumped twice came out with 438",
    311: "a PDF that was being made passed for the vendor's limit, so that the whole account waited as long (product, "
    "`chassis.work.vendors`): hours, as the clock was set back meanwhile, and the vendor counted from there (sandbox)",
    432: "half of the rig's processor time went into its client for forged and burst webhooks, and what was saved up "
    "in 18 s without Kafka had not flowed off in time (rig)",
    438: "the sandbox was killed while it answered a jump of the clock; the jump was asked for again and made twice, "
    "and business time stayed two hours behind (rig)",
    439: "a guest of a consumer group left while the broker was away; its library's own cancelled request ended the "
    "run (rig)",
}
"""What each seed found, when it was first played. What a strike hits depends on the moment: every fault of the product
among these has a test of its own too."""
