"""The gRPC edge of identity, by what is asked."""
