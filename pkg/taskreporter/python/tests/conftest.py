import sys
from pathlib import Path

import pytest

# The packages beside this folder are tested, not ones that happen to be installed.
sys.path.insert(0, str(Path(__file__).parent.parent))


@pytest.fixture(autouse=True)
def no_report_file(monkeypatch):
    monkeypatch.delenv("AGATA_REPORTS", raising=False)
