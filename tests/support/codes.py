"""Codes of a second factor."""

import time

import pyotp

STEP_S = 30


def step_before(secret: str) -> str:
    """The code of the step before, which is taken for one step more; the present one stays free for a sign-in.

    Waits for the next step when this one ends soon, so that the code is still taken when it arrives.
    """
    left_s = STEP_S - time.time() % STEP_S
    if left_s < 12:
        time.sleep(left_s)
    return pyotp.TOTP(secret).at(int(time.time()) - STEP_S)
