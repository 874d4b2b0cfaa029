"""Evidence: what ran at which commit, what follows for each control and clause, and what auditors are given."""
