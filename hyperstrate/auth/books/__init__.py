"""Budgets, the ledger and the counters, and whether they agree."""
