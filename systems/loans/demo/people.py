"""Who logs in: one person for each role, with a password that is new each time the demo starts."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.management import CommandError
from django.utils.crypto import get_random_string

from users.models import Role, User

#: No letters that look like digits.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Login:
    """What to type, and what one may then do."""

    role: str
    email: str
    password: str


PEOPLE = {
    Role.ADMIN: ("ada@loans.example", "Ada", "Archer"),
    Role.BD: ("ben@loans.example", "Ben", "Bright"),
    Role.BROKER: ("bea@brokers.example", "Bea", "Brook"),
    Role.CLIENT: ("cleo@clients.example", "Cleo", "Carter"),
    Role.ACCOUNTS: ("amos@loans.example", "Amos", "Abel"),
}


def is_seeded() -> bool:
    """Has the demo run on this database before?

    Raises:
        CommandError: the database belongs to somebody else.
    """
    if User.objects.filter(email=PEOPLE[Role.ADMIN][0]).exists():
        return True
    if strangers := User.objects.count():
        raise CommandError(
            f"This database has {strangers} users, and none of them is the demo's: it is not the place for a demo. "
            "Name an empty one in DATABASE_URL, or leave DATABASE_URL out."
        )
    return False


def make_people() -> dict[Role, User]:
    """The people of the demo; nobody can log in before `new_passwords`."""
    return {
        role: User.objects.create_user(
            email,
            role=role,
            first_name=first,
            last_name=last,
            is_staff=role == Role.ADMIN,
            is_superuser=role == Role.ADMIN,
        )
        for role, (email, first, last) in PEOPLE.items()
    }


def new_passwords() -> list[Login]:
    """Give each of them a new password; the ones before no longer work."""
    return [_login(role, email) for role, (email, _, _) in PEOPLE.items()]


def _login(role: Role, email: str) -> Login:
    user = User.objects.get(email=email)
    password = "-".join(get_random_string(4, LETTERS) for _ in range(3))
    user.set_password(password)
    user.save(update_fields=["password"])
    return Login(role.label, email, password)
