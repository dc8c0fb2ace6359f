"""Service levels: what is promised, how it is measured, who is told, and what he then does."""
