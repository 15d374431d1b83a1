"""What the server's trigger runs: it notes its arguments in a file beside itself."""

import sys
from pathlib import Path

with open(Path(__file__).with_name("test_trigger"), "a") as note:
    note.write(" ".join(sys.argv[1:]) + "\n")
