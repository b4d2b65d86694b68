"""A report without names: nobody of the practice company is left in it, whoever is named wherever."""

import html
import io
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone
from pypdf import PdfReader

from cases.choices import Role
from cases.models import Case, CaseObservable, CasePerson, Note
from cases.services import timeline
from cases.services.whole import as_json
from response.services.report.pseudonyms import Pseudonyms
from secops.models import User
from secops.practice.week.company import build
from tests.factories import make_alert, make_case, make_device, make_observable, make_person, make_user
from tests.findings import make_finding
from tests.response.conftest import ISOLATE, World, begin

pytestmark = pytest.mark.django_db
MAYA = {"login": "m.okafor", "upn": "m.okafor@brightwater.example", "name": "Maya Okafor", "title": "Treasury analyst"}


@pytest.fixture
def page(client: Client, analyst: User) -> Client:
    client.force_login(analyst)
    return client


def json_of(page: Client, case: Case) -> str:
    return page.get(f"/cases/{case.number}/report.json?pseudonymised=1").content.decode()


def names_of(case: Case) -> Pseudonyms:
    return Pseudonyms(case, as_json(case))


def spoken(person: Any) -> list[str]:
    """Every way in which people write of somebody."""
    first, last = person.name.split()[0], person.name.split()[-1]
    return [
        f"Spoke with {person.name} today",
        f"{last}, {first} agreed",
        f"{person.name.upper()} / {first.lower()}_{last.lower()}.docx",
        f"mail from {person.upn} and {person.upn.replace('@', '[@]').replace('.example', '[.]example')}",
        f"BRIGHTWATER\\{person.login} and BRIGHTWATER\\\\{person.login.upper()}",
        f"C:\\Users\\{person.login}\\AppData\\x.exe and /home/{person.login}/x",
        f"HKU\\{person.sid}\\Software, ask {first} or {last}",
        f"https://intranet.example/?u={person.login}&m={person.upn.replace('@', '%40')}",
    ]


COMPANY = list(build(datetime(2026, 11, 24, 12, tzinfo=UTC)).people.values())


def left(text: str, person: Any) -> list[str]:
    """What is still said of somebody; a name counts only as a word of its own."""
    found = [one for one in (person.login, person.upn, person.sid) if one.casefold() in text.casefold()]
    return found + [one for one in person.name.split() if re.search(rf"(?<![^\W_]){one}(?![^\W_])", text, re.I)]


def case_about(person: Any, number: int) -> Case:
    """A case in which somebody stands everywhere: in titles, notes, tables, paths, observables, a timeline."""
    said = spoken(person)
    case = make_case(title=said[0], close_reason="")
    row = make_person(person.login, name=person.name, upn=person.upn, sid=person.sid, directory_id=f"d-{number}")
    if number % 2:  # the others stand in the inventory only, and in the text
        CasePerson.objects.create(case=case, person=row, role="actor")
    make_alert(
        case, title=said[1], description=said[2], details={"people": [{"login": person.login, "upn": person.upn}]}
    )
    for kind, value in (("user", said[4].split()[0]), ("email", person.upn), ("file_path", said[5].split()[0])):
        CaseObservable.objects.create(
            case=case, observable=make_observable(value, kind), role=Role.ACCOUNT, first_seen_at=timezone.now()
        )
    make_finding(
        case,
        "signed_in",
        headline=said[3],
        facts=[{"label": "Sessions", "value": text} for text in said],
        table={"columns": ["Account"], "rows": [[f"BRIGHTWATER\\{person.login}"]]},
        data={"logins": [person.login]},
    )
    for text in said:
        timeline.record(case.pk, text, kind="person", who=person.name)
    return case


@pytest.mark.parametrize(
    "start", [0, *(pytest.param(start, marks=pytest.mark.slow) for start in range(12, len(COMPANY), 12))]
)
def test_nobody_of_the_company_is_left_in_page_or_json(page: Client, analyst: User, start: int) -> None:
    for number, person in enumerate(COMPANY[start : start + 12]):
        case = case_about(person, number)
        Note.objects.create(case=case, author=analyst, text=" ".join(spoken(person)))

        shown = page.get(f"/cases/{case.number}/report/?pseudonymised=1").content.decode()
        article = shown[shown.index("<article") : shown.index("</article>")]

        assert left(json_of(page, case), person) == []
        assert left(html.unescape(article), person) == []
        assert person.name in page.get(f"/cases/{case.number}/report.json").content.decode()


@pytest.mark.slow
def test_nobody_is_left_in_the_pdf_nor_in_what_it_says_of_itself(page: Client, analyst: User) -> None:
    person = COMPANY[3]
    case = case_about(person, 1)

    read = PdfReader(io.BytesIO(page.get(f"/cases/{case.number}/report.pdf?pseudonymised=1").content))

    text = " ".join(one.extract_text() for one in read.pages) + json.dumps(
        {k: str(v) for k, v in read.metadata.items()}
    )
    assert left(text, person) == []
    assert left(text, analyst_as_person(analyst)) == []


def analyst_as_person(user: User) -> Any:
    class Named:
        login, upn, sid, name = "no-such-login", "no-such-mail", "no-such-sid", user.get_full_name()

    return Named


def test_those_who_work_with_it_are_pseudonyms_too(page: Client, case: Case, world: World, analyst: User) -> None:
    begin(case, analyst, ISOLATE)

    report = json.loads(json_of(page, case))
    run = report["actions"]["rows"][0]

    assert run["requested_by"] == report["generated"]["by"] == report["timeline"]["rows"][0]["who"]
    assert run["requested_by"].startswith("Person ")
    assert "Ada Lind" not in json.dumps(report)


def test_a_pseudonym_is_the_same_in_one_case_and_another_in_the_next(db: None) -> None:
    person = make_person(MAYA["login"], name=MAYA["name"], upn=MAYA["upn"])
    cases = [make_case(), make_case()]
    for case in cases:
        CasePerson.objects.create(case=case, person=person, role="owner")

    first, again, other = names_of(cases[0]), names_of(cases[0]), names_of(cases[1])

    said = first.text("Maya Okafor")
    assert said == again.text("m.okafor@brightwater.example") == again.text("OKAFOR, Maya") == again.text("maya")
    assert said != other.text("Maya Okafor")
    with override_settings(SECRET_KEY="another key of the same length, forty characters"):
        assert names_of(cases[0]).text("Maya Okafor") != said


def test_who_is_known_to_nobody_is_hidden_where_the_text_looks_like_somebody(db: None) -> None:
    make_alert(case := make_case(), details={"people": [{"login": "x", "domain": "CORP"}]})
    names = names_of(case)

    for text in ("a.b@mail.example", "a.b[@]mail[.]example", "CORP\\a.b", "C:\\Users\\a.b\\x", "S-1-5-21-1-2-3-1001"):
        assert "a.b" not in names.text(f"seen {text} here"), text
        assert "1001" not in names.text(f"seen {text} here"), text
    assert names.text("HKLM\\SOFTWARE\\Microsoft and NT AUTHORITY\\SYSTEM") == (
        "HKLM\\SOFTWARE\\Microsoft and NT AUTHORITY\\SYSTEM"
    )


def test_accents_and_order_do_not_give_a_name_away(db: None) -> None:
    case = make_case()
    CasePerson.objects.create(case=case, person=make_person("i.r", name="Inês Weiß"), role="owner")
    names = names_of(case)

    for text in ("Inês Weiß", "Ines Weiß", "Weiß, Inês", "ines_weiß.docx"):
        assert "weiß" not in names.text(text).lower()
        assert "ines" not in names.text(text).lower()


def test_titles_and_managers_tell_who_it_is_and_are_left_out(page: Client, db: None) -> None:
    case = make_case(device_name=make_device().name)
    person = make_person(**MAYA, manager_name="Helena Prado")
    CasePerson.objects.create(case=case, person=person, role="owner")
    make_finding(
        case, "person_profile", headline="Maya Okafor, Treasury analyst.", data=dict(MAYA, manager="Helena Prado")
    )
    make_user("helena", first_name="Helena", last_name="Prado")

    said = json_of(page, case)

    assert "Treasury analyst" not in said
    assert "Prado" not in said
    assert "Okafor" not in said
