"""Who holds a key of Amazon's cloud: a user, or a role that somebody took on for a session."""

import re

from cases.intake.base import NormalPerson
from cases.intake.identities import person

_PEOPLE = frozenset({"", "iamuser", "root", "federateduser"})
_FIRST_AND_LAST = re.compile(r"[a-z]{2,40}\.[a-z]{2,40}", re.IGNORECASE)  # programs name sessions by numbers or words


def key_holders(kind: str, name: str, principal_id: str) -> list[NormalPerson | None]:
    """The people behind a key; `principal_id` of a role reads `AROA..:session`.

    A role is no person; the name of its session is one where it is a mail address or reads `first.last`.
    """
    session = principal_id.partition(":")[2]
    found = [person(session)] if "@" in session or _FIRST_AND_LAST.fullmatch(session) else []
    return [*found, person(name)] if kind.casefold() in _PEOPLE else found
