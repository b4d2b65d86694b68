"""People as pseudonyms: the same in every report of a case, keyed by the deployment's secret, not to be turned back.

Whoever is known is replaced by every spelling that is known of them; what looks like a mail address, an account, a
profile folder or a user's SID is replaced even where nobody is known by it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from cases.models import Case, Person, TimelineEntry
from enrichment.choices import LookupState
from secops.models import User
from secops.pseudonyms import pseudonym

Row = dict[str, Any]
SHORTEST = 3  # characters of a part of a name that is replaced on its own
PARTICLES = {"and", "del", "der", "des", "dos", "the", "van", "von"}
NOBODY = {"system", "local service", "network service", "root", "unknown", "none", "public", "default", "all users"}
ACCOUNT_KEYS = ("login", "logins", "user", "users")  # of a finding's data
NO_TITLE = "(job title left out)"
PERSON_COLUMNS = ("Account", "By", "User")
MAIL = re.compile(r"[\w.+-]+(?:@|\[@\]|%40)[\w-]+(?:(?:\.|\[\.\])[\w-]+)+")
PROFILE = re.compile(r"(?<=[\\/]Users[\\/])[^\\/:*?\"<>|\s,;]+|(?<=/home/)[^/:\s,;]+", re.IGNORECASE)
SID = re.compile(r"S-1-(?:5-21|12-1)(?:-\d+){3,5}")
WORD = re.compile(r"[^\W_]+")


class Pseudonyms:
    """Built from everything that is known of the case; then changes text."""

    def __init__(self, case: Case, whole: Row) -> None:
        self._case = case.pk
        self._labels: dict[str, str] = {}  # spelling, in small letters: pseudonym
        self._domains: set[str] = set()
        self._learn_involved(whole)
        self._learn_mentioned(whole)
        self._learn_users(case)
        self._known = _alternation(self._labels)
        self._accounts = _accounts(self._domains)

    def label(self, anchor: str) -> str:
        """Person 7KQ2M, from the strongest spelling of somebody."""
        return f"Person {pseudonym('nightdesk report pseudonym', f'{self._case}:{anchor}')}"

    def text(self, said: str) -> str:
        """The same without anybody's name, login, mail address or SID."""
        said = MAIL.sub(self._of_mail, said)
        said = SID.sub(self._of(str), said)
        if self._accounts:
            said = self._accounts.sub(self._of(lambda found: found.rpartition("\\")[2]), said)
        said = PROFILE.sub(self._of(str), said)
        return self._known.sub(self._of(str), said) if self._known else said

    def _of(self, anchor: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
        def change(found: re.Match[str]) -> str:
            key = " ".join(anchor(found[0]).split()).lower()
            if key in NOBODY or key.startswith("person "):
                return found[0]
            return self._labels.get(key) or self.label(key)

        return change

    def _of_mail(self, found: re.Match[str]) -> str:
        address = found[0].replace("[", "").replace("]", "").replace("%40", "@").lower()
        return self._labels.get(address) or self._labels.get(address.partition("@")[0]) or self.label(address)

    # --- who is known ------------------------------------------------------------------------------------------------
    def _add(self, *spellings: str | None, name: str | None = None) -> None:
        """One person: the first spelling that is known already, else the first of all, gives the pseudonym."""
        every = [_plain(one) for one in spellings if one and _plain(one).lower() not in NOBODY]
        every += [_plain(name)] if name else []
        if not every:
            return
        folded = [one.lower() for one in every]
        label = next((self._labels[one] for one in folded if one in self._labels), "") or self.label(folded[0])
        for one in [*folded, *(_variants(name) if name else ())]:
            self._labels.setdefault(one, label)

    def _account(self, said: object) -> None:
        """CORP\\m.okafor: the domain is learnt, the login is somebody."""
        domain, slash, login = str(said or "").rpartition("\\")
        if slash and domain.lower() not in {"nt authority", "nt service", "builtin"}:
            self._domains.add(domain.rpartition("\\")[2])
        self._add(login.partition("@")[0], login)

    def _learn_involved(self, whole: Row) -> None:
        for one in whole["people"]:
            self._add(one["login"], one["upn"], name=one["name"])
            self._add(name=one["manager_name"])
            self._hide_title(one["title"])
        for one in (person for alert in whole["alerts"] for person in alert["people"]):
            self._domains |= {str(one["domain"])} if one.get("domain") else set()
            self._add(one.get("login"), one.get("upn"), one.get("sid"), one.get("directory_id"))
        for one in whole["devices"]:
            self._add(one["owner"])
        self._learn_observables(whole)
        for one in (finding for answer in whole["answers"].values() for finding in answer["findings"]):
            self._learn_finding(one)

    def _learn_observables(self, whole: Row) -> None:
        for one in whole["observables"]:
            if one["kind"] in ("user", "email"):
                self._account(one["value"])

    def _learn_finding(self, one: Row) -> None:
        if one["status"] != LookupState.ANSWERED:
            return
        data = one["data"] or {}
        for key in ACCOUNT_KEYS:
            for said in _listed(data.get(key)):
                self._account(said)
        if one["question"] == "device_owner":
            self._account(data.get("owner"))
        if one["question"] == "person_profile":
            self._add(data.get("login"), name=data.get("name"))
            self._add(name=data.get("manager"))
            self._hide_title(data.get("title"))
        self._learn_table(one["table"] or {"columns": [], "rows": []})

    def _learn_table(self, table: Row) -> None:
        for index, column in enumerate(table["columns"]):
            if column in PERSON_COLUMNS:
                for row in table["rows"]:
                    self._account(row[index])

    def _hide_title(self, said: str | None) -> None:
        """There is often only one person of that title."""
        if said and _plain(said):
            self._labels.setdefault(_plain(said).lower(), NO_TITLE)

    def _learn_mentioned(self, whole: Row) -> None:
        """Everybody of the inventory whose login, mail or name stands anywhere in the case."""
        words = {word.lower() for word in WORD.findall(_flat(whole))}
        rows = Person.objects.values_list("login", "upn", "name", "sid", "directory_id", "manager_name")
        for login, upn, name, sid, directory_id, manager in rows.iterator():
            if _stands(login, words) or _stands(upn, words) or _stands(name, words) or _stands(sid, words):
                self._add(login, upn, sid, directory_id, name=name)
            if _stands(manager, words):
                self._add(name=manager)

    def _learn_users(self, case: Case) -> None:
        """Those who work with the case, and whoever has an account here."""
        for user in User.objects.only("username", "email", "first_name", "last_name"):
            self._add(user.get_username(), user.email, name=user.get_full_name())
        told = case.timeline.filter(kind=TimelineEntry.Kind.PERSON) | case.timeline.filter(user__isnull=False)
        for who in set(told.values_list("who", flat=True)):
            self._add(name=who)


def _plain(said: object) -> str:
    return " ".join(str(said).split())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _variants(name: str) -> Iterable[str]:
    """Maya Okafor as Okafor Maya, maya.okafor, and each part that is long enough; also without accents."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    if bare != name:
        yield _plain(bare).lower()
        yield from _variants(bare)
    parts = [part.lower() for part in _plain(name).split()]
    if len(parts) > 1:
        yield " ".join([parts[-1], *parts[:-1]])
        yield f"{parts[-1]}, {' '.join(parts[:-1])}"
        yield ".".join(parts)
    yield from (part for part in parts if len(part) >= SHORTEST and part not in PARTICLES)


def _stands(said: str, words: set[str]) -> bool:
    parts = [part.lower() for part in WORD.findall(said)]
    return bool(parts) and all(part in words for part in parts)


def _flat(value: Any) -> str:
    """All texts of a JSON value, one after another."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return " ".join(_flat(one) for one in value.values())
    if isinstance(value, list | tuple):
        return " ".join(_flat(one) for one in value)
    return ""


def _alternation(labels: Iterable[str]) -> re.Pattern[str] | None:
    """Any of them as whole words, the longest first; runs of blanks count as one."""
    longest = sorted((one for one in labels if one), key=len, reverse=True)
    if not longest:
        return None
    every = "|".join(r"\s+".join(re.escape(part) for part in one.split()) for one in longest)
    return re.compile(rf"(?<![^\W_])(?:{every})(?![^\W_])", re.IGNORECASE)


def _accounts(domains: Iterable[str]) -> re.Pattern[str] | None:
    known = [re.escape(one) for one in domains if one]
    return re.compile(rf"\b(?:{'|'.join(known)})\\+[\w.$-]+", re.IGNORECASE) if known else None
