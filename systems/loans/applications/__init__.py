"""Loan applications, their stages, and the sweeps over them."""
