"""All services of a small instance in two processes."""
