"""Two hosts whose clocks differ by some seconds take each other's tokens; by more they do not."""

import time

import pytest
from django.conf import settings

from accounts import tokens
from config.errors import VerbatimError

LEEWAY = settings.CLOCK_LEEWAY_SECONDS


def shifted(user, seconds: float, *, nbf: bool = False) -> str:
    """An access token as a host issues it whose clock is wrong by so much."""
    token = tokens._make(tokens.Access, user)
    now = int(time.time() + seconds)
    token["iat"], token["exp"] = now, now + settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"].seconds
    if nbf:
        token["nbf"] = now
    return str(token)


@pytest.mark.parametrize("nbf", [False, True])
def test_a_token_from_the_near_future_is_taken_and_one_from_the_far_future_is_not(member, nbf):
    assert tokens.authenticate(shifted(member, LEEWAY - 4, nbf=nbf)).user == member
    with pytest.raises(VerbatimError):
        tokens.authenticate(shifted(member, LEEWAY + 60, nbf=nbf))


def test_one_that_has_just_expired_by_our_clock_is_still_taken(member):
    lifetime = settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"].seconds
    assert tokens.authenticate(shifted(member, 4 - lifetime - LEEWAY)).user == member
    with pytest.raises(VerbatimError):
        tokens.authenticate(shifted(member, -lifetime - LEEWAY - 60))
