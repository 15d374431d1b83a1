"""TaskReporter, where tasks of the Python platform look for it."""

from agata import TaskReporter

__all__ = ["TaskReporter"]
