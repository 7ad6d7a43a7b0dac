"""``modelreg approve``."""

from __future__ import annotations


def test_approval_by_the_registering_user_is_noted_as_not_counted(churn):
    assert "note: you registered this version" in churn("approve", "churn/1").stderr
