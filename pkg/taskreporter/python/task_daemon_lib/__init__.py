"""The name under which tasks of the Python platform import their reporter."""
