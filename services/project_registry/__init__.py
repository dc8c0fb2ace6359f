"""Which projects there are, at which level, on which list, and how far they are."""
