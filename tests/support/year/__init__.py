"""A city through a year: its services in one process, a script of people, and a recount of its cards."""
