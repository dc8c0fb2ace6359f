"""The rules of the project resource library, pure."""
