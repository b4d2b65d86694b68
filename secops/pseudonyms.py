"""Names that stand for somebody: keyed by the deployment's secret, the same each time, not to be turned back."""

from django.utils.crypto import salted_hmac

LETTERS = "23456789BCDFGHJKMNPQRSTVWXZ"  # no vowels: it spells no word
LENGTH = 5


def pseudonym(purpose: str, anchor: str) -> str:
    """Five letters for whoever `anchor` names; another purpose gives others, so that two lists cannot be laid side by
    side."""
    number = int.from_bytes(salted_hmac(purpose, anchor, algorithm="sha256").digest()[:8], "big")
    letters = ""
    for _ in range(LENGTH):
        number, index = divmod(number, len(LETTERS))
        letters += LETTERS[index]
    return letters
