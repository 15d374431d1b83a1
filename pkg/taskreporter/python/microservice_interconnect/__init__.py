"""The name under which tasks of the Python platform import its calls and events."""
