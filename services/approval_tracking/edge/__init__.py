"""The gRPC edge by area; `api` puts it together."""
