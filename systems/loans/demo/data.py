"""What the demo is filled with: made-up people, and loans at every point of their way."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from applications.models import Frequency, Stage

BRANCHES = ("Sydney Harbour", "Parramatta", "Newcastle")
#: Name, branch. The first of each list is the person who can log in.
MANAGERS = (("Ben Bright", "Sydney Harbour"), ("Nora Nash", "Parramatta"), ("Omar Oakes", "Newcastle"))
BROKERS = (("Bea Brook", "Brook & Daughters"), ("Tom Tully", "Tully Finance"), ("Ruth Reeve", "Harbour Home Loans"))
BORROWERS = (
    "Cleo Carter",
    "Dan Dorsey",
    "Eve Ellery",
    "Finn Fraser",
    "Gail Gordon",
    "Hugo Hale",
    "Ivy Ingram",
    "Jack Jarvis",
    "Kira Keane",
)
COMPANY = "Lantern Street Bakery Pty Ltd"


@dataclass(frozen=True, slots=True)
class Loan:
    """How a funded loan is repaid, and how well."""

    term: int
    frequency: Frequency
    periods_ago: int
    #: Days since the latest instalment was due; below 0, until the next one is.
    due_days_ago: int
    unpaid: int
    rate: Decimal = Decimal("6.10")


@dataclass(frozen=True, slots=True)
class Case:
    """An application, and for how many days it is in its stage."""

    borrower: str
    purpose: str
    amount: int
    stage: Stage
    days: int
    kind: str = "residential"
    manager: str = "Ben Bright"
    broker: str = "Bea Brook"
    with_borrower: str = ""
    loan: Loan | None = None


CASES = (
    Case("Cleo Carter", "First home in Marrickville", 640_000, Stage.PRE_APPROVAL, 0),
    Case("Dan Dorsey", "Refinance of a terrace in Newtown", 815_000, Stage.INQUIRY, 0),
    Case("Eve Ellery", "Block of land near Orange", 210_000, Stage.INQUIRY, 21, "land"),
    Case("Finn Fraser", "Flat in Wollongong", 480_000, Stage.VALUATION, 9, broker="Tom Tully"),
    Case("Gail Gordon", "Farm house with twelve acres", 990_000, Stage.VALUATION, 35, "rural", manager="Omar Oakes"),
    Case("Hugo Hale", "House in Penrith", 705_000, Stage.FORMAL_APPROVAL, 2, manager="Nora Nash"),
    Case("Ivy Ingram", "Extension of the family home", 155_000, Stage.FORMAL_APPROVAL, 16, with_borrower="Jack Jarvis"),
    Case(COMPANY, "Second shop, with ovens", 320_000, Stage.SETTLEMENT, 5, "commercial"),
    Case("Kira Keane", "Investment flat in Parramatta", 530_000, Stage.DECLINED, 12, "investment", "Nora Nash"),
    Case("Jack Jarvis", "Boat shed", 60_000, Stage.WITHDRAWN, 30, "personal", "Omar Oakes", "Ruth Reeve"),
    Case(
        "Cleo Carter",
        "Car for the practice",
        48_000,
        Stage.FUNDED,
        190,
        "personal",
        loan=Loan(48, Frequency.MONTHLY, 6, -5, 0),
    ),
    Case(
        "Dan Dorsey",
        "House in Ashfield",
        720_000,
        Stage.FUNDED,
        160,
        loan=Loan(300, Frequency.FORTNIGHTLY, 11, 4, 1),
    ),
    Case(
        "Eve Ellery",
        "Unit in Dulwich Hill",
        450_000,
        Stage.FUNDED,
        90,
        broker="Ruth Reeve",
        loan=Loan(240, Frequency.WEEKLY, 12, 1, 2),
    ),
    Case(
        "Finn Fraser",
        "Workshop in Mascot",
        260_000,
        Stage.FUNDED,
        130,
        "commercial",
        loan=Loan(120, Frequency.MONTHLY, 4, 11, 1),
    ),
    Case(
        "Kira Keane",
        "Bridging loan",
        90_000,
        Stage.FUNDED,
        160,
        "bridging",
        manager="Nora Nash",
        loan=Loan(6, Frequency.MONTHLY, 5, 6, 0, Decimal("8.25")),
    ),
)
