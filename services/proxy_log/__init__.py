"""帮办代办: who is bound to a project, and what they logged on the way."""
