"""Papers, notes, fees, repayments and the ledger."""
