"""Live events for browsers, by SSE. What is lost here is still in the services' rows."""
