"""The main job as a story, on a running instance."""
