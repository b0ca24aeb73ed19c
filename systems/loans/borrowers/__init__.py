"""Borrowers and guarantors."""
