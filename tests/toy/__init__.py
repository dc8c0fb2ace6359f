"""A service that does nothing but show what the chassis does for a real one."""
