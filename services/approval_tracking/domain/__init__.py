"""The rules of approvals: which items, by when, and what may happen to a case."""
