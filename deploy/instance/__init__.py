"""One instance of Kaigong as plain processes on this machine."""
