"""The images: what is staged for the Dockerfile, how they are built, and on which engine."""
