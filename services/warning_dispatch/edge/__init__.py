"""The gRPC edge by subject; `api.py` puts it together."""
