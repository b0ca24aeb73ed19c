"""The tests of the loan CRM, in layers; see the README."""
