"""The item catalogue, project plans, cases and their approval clocks."""
