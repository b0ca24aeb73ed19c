"""Printed letters: what can be read in them, what they look like to a program, and that they are the same each time."""

from __future__ import annotations

import io
import logging
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pypdf import PdfReader

from applications.models import Application, Frequency, Stage
from core.errors import NotPossible
from documents import fonts, letters
from documents.models import DocumentType
from tests.factories import (
    ApplicationFactory,
    BDMFactory,
    BorrowerFactory,
    BranchFactory,
    BrokerFactory,
    GuarantorFactory,
)

pytestmark = [pytest.mark.unit, pytest.mark.django_db]

EVENING = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)  # the morning of the 2nd in Sydney


@pytest.fixture
def application() -> Application:
    application = ApplicationFactory(
        reference_number="APP-H4RB2345",
        application_type="residential",
        purpose="A house\nand a garden",
        loan_amount=Decimal("500000.00"),
        loan_term=36,
        interest_rate=Decimal("6.00"),
        estimated_settlement_date=date(2026, 3, 31),
        bd=BDMFactory(name="Margaret Hall", email="margaret@example.com", phone="0400 111 222", user=None),
        broker=BrokerFactory(name="Brian Oker", company="Oker & Sons", email="brian@example.com", user=None),
        branch=BranchFactory(
            name="Sydney", address="5 Harbour Road\nSydney NSW 2000", phone="02 9123 4567", email="sydney@example.com"
        ),
        borrowers=[BorrowerFactory(first_name="Ann", last_name="Lee", address="12 Shore Street\nManly NSW 2095")],
    )
    application.guarantors.add(GuarantorFactory(name="Gus Arantor"))
    return application


def printed(kind: DocumentType, application: Application, **extra: Any) -> PdfReader:
    body = letters.write(kind, application, EVENING, extra)
    return PdfReader(io.BytesIO(letters.print_out(kind, application, body, EVENING)))


def lines(pdf: PdfReader) -> list[str]:
    found = "\n".join(page.extract_text() for page in pdf.pages)
    return [line.strip() for line in found.replace("\0", "").splitlines()]  # pypdf reads half of some characters as NUL


def text(pdf: PdfReader) -> str:
    return " ".join(" ".join(lines(pdf)).split())


def borrower(application: Application, **values: str) -> None:
    application.borrowers.set([BorrowerFactory(**values)])


def test_an_indicative_letter_says_to_whom_what_and_for_how_much(application: Application) -> None:
    letter = text(printed(DocumentType.INDICATIVE_LETTER, application))
    for part in (
        "Harbour Lending",
        "Sydney · 5 Harbour Road, Sydney NSW 2000 · 02 9123 4567 · sydney@example.com",
        "2 March 2026",
        "Ann Lee 12 Shore Street Manly NSW 2095",
        "Our reference: APP-H4RB2345",
        "Dear Ann Lee,",
        "Loan amount AUD 500,000.00",
        "Term 36 months",
        "Interest rate 6.00 % a year",
        "Estimated settlement 31 March 2026",
        "Number of repayments 36",
        "Monthly repayment AUD 15,210.97",
        "This letter is an indication, not an offer of credit.",
        "Margaret Hall Harbour Lending margaret@example.com 0400 111 222",
        "Indicative letter · APP-H4RB2345",
        "Page 1 of 1",
    ):
        assert part in letter


def test_the_figures_are_those_of_the_schedule(application: Application) -> None:
    letter = text(printed(DocumentType.FORMAL_APPROVAL, application))
    assert "1 30 April 2026 AUD 15,210.97 AUD 2,500.00 AUD 12,710.97 AUD 487,289.03" in letter
    assert "11 28 February 2027" in letter
    assert "12 31 March 2027" in letter
    assert "13 30 April 2027" not in letter
    parts = letters._parts(application)
    total = sum(part.amount for part in parts)
    assert f"Repaid in all AUD {total:,.2f}" in letter
    assert f"Interest over the term AUD {total - 500000:,.2f}" in letter


@pytest.mark.parametrize(
    ("frequency", "label"),
    [(Frequency.WEEKLY, "Weekly"), (Frequency.QUARTERLY, "Quarterly"), (Frequency.ANNUALLY, "Annually")],
)
def test_every_frequency_has_its_figures(application: Application, frequency: Frequency, label: str) -> None:
    application.repayment_frequency = frequency
    count = len(letters._parts(application))
    letter = text(printed(DocumentType.INDICATIVE_LETTER, application))
    assert f"Number of repayments {count} {label} repayment AUD" in letter


def test_what_is_not_agreed_yet_is_said_to_be_open(application: Application) -> None:
    application.loan_amount = application.loan_term = application.interest_rate = None
    application.estimated_settlement_date = None
    letter = text(printed(DocumentType.FORMAL_APPROVAL, application))
    for part in ("Loan amount to be agreed", "Term to be agreed", "Interest rate to be agreed"):
        assert part in letter
    assert "Estimated settlement to be agreed" in letter
    assert "First repayments" not in letter
    assert "Number of repayments" not in letter


def test_an_approval_before_the_approval_is_a_draft(application: Application) -> None:
    application.stage = Stage.VALUATION
    letter = text(printed(DocumentType.FORMAL_APPROVAL, application))
    assert "DRAFT" in letter
    assert 'The application stands at "Valuation" and is not approved; this paper binds nobody.' in letter
    assert "is approved on the terms below" not in letter


@pytest.mark.parametrize("stage", [Stage.FORMAL_APPROVAL, Stage.SETTLEMENT, Stage.FUNDED])
def test_an_approval_after_the_approval_is_none(application: Application, stage: Stage) -> None:
    application.stage = stage
    letter = text(printed(DocumentType.FORMAL_APPROVAL, application))
    assert "We are pleased to tell you that your application is approved on the terms below." in letter
    assert "DRAFT" not in letter
    assert "All borrowers and guarantors (Gus Arantor) sign the loan contract" in letter


def test_an_application_form_has_all_that_is_known(application: Application) -> None:
    borrower(application, first_name="Bo", last_name="Rower", email="bo@example.com", phone="02 9000 0000", address="")
    application.borrowers.update(date_of_birth=date(1980, 2, 9), annual_income=Decimal("98765.40"))
    form = text(printed(DocumentType.APPLICATION_FORM, application))
    for part in (
        "Kind of loan residential",
        "Purpose. A house and a garden",
        "Borrower: Bo Rower",
        "Address not given",
        "E-mail bo@example.com",
        "Telephone 02 9000 0000",
        "Date of birth 9 February 1980",
        "Income a year AUD 98,765.40",
        "Gus Arantor",
        "Brian Oker, Oker & Sons, brian@example.com",
        "Name Signature Date Bo Rower",
    ):
        assert part in form


def test_a_signed_form_says_who_signed(application: Application) -> None:
    application.signed_by, application.signature_date = "Bo Rower", date(2026, 2, 28)
    assert "Signed by Bo Rower on 28 February 2026." in text(printed(DocumentType.APPLICATION_FORM, application))


def test_an_application_with_nothing_and_nobody_can_be_printed() -> None:
    empty = Application.objects.create(reference_number="APP-EMPTY234")
    for kind in letters.TEMPLATES:
        letter = text(printed(kind, empty))
        assert "APP-EMPTY234" in letter
        assert "Loans <loans@example.com>" in letter
    assert "Dear applicant," in text(printed(DocumentType.INDICATIVE_LETTER, empty))
    assert "No borrower is entered yet." in text(printed(DocumentType.APPLICATION_FORM, empty))


@pytest.mark.parametrize(
    "name", ["Nguyễn Thị Łukasz", "Żółć Đặng", "Zoë Šťastná", "Ελένη", "Київ", "李小龙", "やまだ たろう", "José 李"]
)
def test_names_of_the_world_are_printed(application: Application, name: str, caplog: pytest.LogCaptureFixture) -> None:
    borrower(application, first_name=name, last_name="")
    with caplog.at_level(logging.WARNING):
        found = lines(printed(DocumentType.INDICATIVE_LETTER, application))
    assert name in found
    assert f"Dear {name}," in found
    assert "missing" not in caplog.text


def test_a_name_is_printed_the_same_however_it_was_typed(application: Application) -> None:
    borrower(application, first_name="Nguye\u0302\u0303n", last_name="")  # letters with marks put on them
    assert "Dear Nguyễn," in lines(printed(DocumentType.INDICATIVE_LETTER, application))


def test_a_missing_character_is_seen_to_be_missing(application: Application) -> None:
    borrower(application, first_name="Kim 김", last_name="🎉")
    assert f"Dear Kim {fonts.MISSING} {fonts.MISSING}," in lines(printed(DocumentType.INDICATIVE_LETTER, application))


def test_the_sign_for_a_missing_character_is_not_missing_itself() -> None:
    assert fonts.printable(f"{fonts.MISSING}김") == fonts.MISSING * 2
    assert ord(fonts.MISSING) in fonts._characters(fonts.EAST_ASIAN)


def test_what_is_no_character_at_all_is_left_out() -> None:
    assert fonts.printable("a\0b\x07c\ue000d\u202ee\nf") == "abcde\nf"


def test_after_a_line_that_begins_in_another_typeface_the_next_is_still_right(application: Application) -> None:
    borrower(application, company_name="李小龙 Holdings and Partners and Sons and Daughters Proprietary Limited")
    found = text(printed(DocumentType.APPLICATION_FORM, application))
    assert found.count("李小龙 Holdings and Partners and Sons and Daughters Proprietary Limited") == 2


@pytest.mark.parametrize(
    "name", ["<b>Bobby</b> & Söhne", "{nb} {{ 7 }} {% now %}", "</p><h1>Offer</h1>", "&lt;Ann&gt;"]
)
def test_a_name_is_text_and_no_markup(application: Application, name: str) -> None:
    borrower(application, company_name=name)
    assert f"Dear {name}," in lines(printed(DocumentType.INDICATIVE_LETTER, application))


@pytest.mark.parametrize("kind", list(letters.TEMPLATES))
def test_the_same_input_gives_the_same_bytes(application: Application, kind: DocumentType) -> None:
    borrower(application, company_name="李小龙 Nguyễn")
    body = letters.write(kind, application, EVENING)
    first, second = (letters.print_out(kind, application, body, EVENING) for _ in range(2))
    assert first == second
    assert first.startswith(b"%PDF-")


def test_metadata_say_what_it_is(application: Application) -> None:
    pdf = printed(DocumentType.FORMAL_APPROVAL, application)
    about = pdf.metadata
    assert (about.title, about.author) == ("Formal approval APP-H4RB2345", "Harbour Lending")
    assert about.subject == "Formal approval of application APP-H4RB2345"
    assert about.creation_date == EVENING
    assert pdf.trailer["/Root"]["/Lang"] == "en-AU"


def test_all_fonts_are_in_the_file(application: Application) -> None:
    borrower(application, company_name="李小龙")
    faces = printed(DocumentType.INDICATIVE_LETTER, application).pages[0]["/Resources"]["/Font"].values()
    descriptors = [face["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object() for face in faces]
    assert len(descriptors) == 3
    assert all("/FontFile2" in each or "/FontFile3" in each for each in descriptors)


def test_long_letters_go_on_over_numbered_pages(application: Application) -> None:
    application.purpose = "A very long story. " * 900
    borrower(application, address="Street " * 400, company_name="N" * 255)
    pdf = printed(DocumentType.APPLICATION_FORM, application)
    count = len(pdf.pages)
    assert count > 4
    for number, page in enumerate(pdf.pages, 1):
        found = page.extract_text()
        assert f"Page {number} of {count}" in found
        assert "Harbour Lending" in found


def test_a_heading_never_stands_alone_at_the_end_of_a_page(application: Application) -> None:
    application.borrowers.set([BorrowerFactory(last_name=f"Number{n}") for n in range(9)])
    for page in printed(DocumentType.APPLICATION_FORM, application).pages:
        body = page.extract_text().split("Application form · ")[0].strip().splitlines()
        assert not body[-1].startswith("Borrower:")


def test_a_message_of_the_callers_is_added(application: Application) -> None:
    for kind in letters.TEMPLATES:
        letter = text(printed(kind, application, message="Best <wishes>\nfrom us"))
        assert "Best <wishes> from us" in letter


@pytest.mark.parametrize(
    "name", ["indicative_letter", "indicative_letter.html", "documents/indicative_letter.html", "application_form"]
)
def test_a_template_is_known_by_several_names(name: str) -> None:
    assert letters.template_for(name).value in name


@pytest.mark.parametrize(
    "name", ["", "other", "../indicative_letter.html", "/etc/passwd", "documents/letter.html", "documents/_table.html"]
)
def test_no_other_template_can_be_named(name: str) -> None:
    known = "choose one of application_form, indicative_letter, formal_approval"
    with pytest.raises(NotPossible, match=re.escape(f"{name!r} is not a document that can be generated; {known}")):
        letters.template_for(name)
