"""Borrowers and guarantors, as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from borrowers.models import Borrower, Guarantor
from borrowers.selectors import visible_borrowers
from core.fields import Day, Reference
from users.models import Role, User


class BorrowerSerializer(serializers.ModelSerializer[Borrower]):
    """A person or a company that borrows."""

    serializer_related_field = Reference
    date_of_birth = Day(required=False, allow_null=True)

    class Meta:
        model = Borrower
        fields = [
            "id",
            "name",
            "first_name",
            "last_name",
            "company_name",
            "email",
            "phone",
            "address",
            "date_of_birth",
            "annual_income",
            "user",
            "created_at",
            "updated_at",
        ]
        extra_kwargs = {"annual_income": {"min_value": 0}}

    def validate_user(self, user: User | None) -> User | None:
        """Who may log in as a borrower is for administrators to say; nobody gives a login away."""
        if user == (self.instance.user if self.instance else None):
            return user
        if not self.context["request"].user.is_admin:
            raise serializers.ValidationError("Only an administrator connects a borrower with a login.")
        if user is not None and user.role != Role.CLIENT:
            raise serializers.ValidationError(f"{user.email} has the role {user.role!r}; choose a client's login.")
        return user

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """A borrower has a name."""
        names = ("first_name", "last_name", "company_name")
        before = {name: getattr(self.instance, name, "") for name in names}
        if not any(values.get(name, before[name]).strip() for name in names):
            raise serializers.ValidationError({"last_name": ["Give the name of a person or of a company."]})
        return values


class GuarantorSerializer(serializers.ModelSerializer[Guarantor]):
    """Somebody who pays if the borrower does not."""

    borrower = Reference(queryset=Borrower.objects.none(), required=False, allow_null=True)

    class Meta:
        model = Guarantor
        fields = ["id", "name", "email", "phone", "borrower", "created_at"]

    def get_fields(self) -> dict[str, serializers.Field]:
        """Only a borrower whom the person may see can be named."""
        fields = super().get_fields()
        if "request" in self.context:
            fields["borrower"].queryset = visible_borrowers(self.context["request"].user)
        return fields
