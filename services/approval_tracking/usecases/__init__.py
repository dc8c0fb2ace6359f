"""What approval_tracking does: one function each."""
