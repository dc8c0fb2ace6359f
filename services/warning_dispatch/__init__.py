"""Cards, work orders, and who is told."""
