"""The end of a try-out, after everybody else is done with it."""

from tests.tryout import ENDS_WITHIN, Tryout


def test_ctrl_c_ends_every_child_within_thirty_seconds(tryout: Tryout) -> None:
    before = tryout.processes()
    code = tryout.interrupt()

    assert len(before) > 5  # the parent, web, clock, two clusters, range
    assert code == 0, f"{code} after {ENDS_WITHIN} s: {tryout.output}"
    assert tryout.processes() == []
