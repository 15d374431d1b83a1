import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import agata
import pytest

ROOT = str(Path(agata.__file__).parent.parent)


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """A function that returns the reports sent so far to a file of AGATA_REPORTS."""
    path = tmp_path / "reports"
    monkeypatch.setenv("AGATA_REPORTS", str(path))
    return lambda: [json.loads(line) for line in path.read_bytes().splitlines()]


class Silent:
    def __str__(self):
        raise RuntimeError("no text")


def test_every_report_has_its_form(reports):
    reporter = agata.TaskReporter()
    reporter.send_stats(1, 0.5)
    reporter.send_stats(2, 0.5, loss=1.25)
    reporter.send_info("Finished")
    reporter.send_print("hello")
    reporter.send_error(ValueError("no data"))
    reporter.trigger("trigger_example")
    reporter.trigger("trigger_example", "0.9")
    assert reports() == [
        {"type": "info", "info": "Started"},
        {"type": "model", "round": "1", "acc": "0.5"},
        {"type": "model", "round": "2", "acc": "0.5", "loss": "1.25"},
        {"type": "info", "info": "Finished"},
        {"type": "print", "message": "hello"},
        {"type": "error", "exception": "no data"},
        {"type": "trigger", "trigger_name": "trigger_example", "trigger_arguments": ""},
        {"type": "trigger", "trigger_name": "trigger_example", "trigger_arguments": "0.9"},
    ]


def test_event_is_timed(reports, monkeypatch):
    monkeypatch.setattr(agata, "time", lambda: 1763778000.25)
    agata.register_event("task_client", "main", "Started client")
    agata.register_event("task_client", "main", "not this one", allow_registering=False)
    assert reports() == [
        {
            "type": "event",
            "time": 1763778000.25,
            "service": "task_client",
            "function": "main",
            "event": "Started client",
        }
    ]


@pytest.mark.parametrize(
    "value, text",
    [
        ([(75, {"acc": 0.4})], "[(75, {'acc': 0.4})]"),
        (None, "None"),
        (float("nan"), "nan"),
        ('"\\\n\r\t\x00\x1f\x7f', '"\\\n\r\t\x00\x1f\x7f'),
        ("olá 漢 😀 \u2028", "olá 漢 😀 \u2028"),
        ("\udc80", "\udc80"),
        (Silent(), "<Silent without a text>"),
    ],
)
def test_any_value_is_sent_as_text(reports, value, text):
    agata.TaskReporter().send_stats(value, value)
    assert reports()[-1] == {"type": "model", "round": text, "acc": text}


def test_an_exception_without_text_has_its_name(reports):
    agata.TaskReporter().send_error(KeyboardInterrupt())
    assert reports()[-1]["exception"] == "KeyboardInterrupt"


@pytest.mark.parametrize("text", ["x" * 10**6, "\x01" * 10**6, "漢" * 10**6])
def test_a_long_text_is_cut_to_the_longest_line(tmp_path, reports, text):
    reporter = agata.TaskReporter()
    reporter.send_error(text)
    reporter.trigger(text, text)
    lines = (tmp_path / "reports").read_bytes().splitlines()
    assert [agata.MAX_LINE // 16 < len(line) <= agata.MAX_LINE for line in lines[1:]] == [True] * 2
    assert reports()[1]["exception"].endswith(" [cut]")
    assert reports()[1]["exception"][0] == text[0]


def test_lines_of_threads_stay_whole(reports):
    reporter = agata.TaskReporter()

    def send(letter):
        for _ in range(50):
            reporter.send_print(letter * 5000)

    threads = [threading.Thread(target=send, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    messages = [report["message"] for report in reports()[1:]]
    assert len(messages) == 200
    assert {message == message[0] * 5000 for message in messages} == {True}


def test_without_a_file_lines_go_to_stdout_in_order(capfdbinary):
    print("before")
    agata.TaskReporter().send_print("olá")
    print("after", flush=True)
    out, _ = capfdbinary.readouterr()
    assert out.decode().splitlines() == [
        "before",
        '{"type":"info","info":"Started"}',
        '{"type":"print","message":"olá"}',
        "after",
    ]


def test_stdout_may_be_replaced_by_text(capsys, monkeypatch):
    import io

    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    agata.TaskReporter()
    assert stream.getvalue() == '{"type":"info","info":"Started"}\n'


def test_a_report_that_cannot_be_written_costs_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AGATA_REPORTS", str(tmp_path / "missing" / "reports"))
    agata.TaskReporter()
    monkeypatch.delenv("AGATA_REPORTS")
    monkeypatch.setattr(sys, "stdout", None)
    agata.TaskReporter()
    complaints = capsys.readouterr().err.splitlines()
    assert [line.startswith("agata: a report is lost: ") for line in complaints] == [True, True]


def test_reports_of_two_processes_share_a_file(tmp_path):
    path = tmp_path / "reports"
    code = "import agata; r = agata.TaskReporter(); [r.send_print('x' * 9000) for _ in range(100)]"
    environment = dict(os.environ, AGATA_REPORTS=str(path), PYTHONPATH=ROOT)
    both = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(2)]
    assert [process.wait(timeout=30) for process in both] == [0, 0]
    assert len([json.loads(line) for line in path.read_bytes().splitlines()]) == 202


def test_import_loads_nothing_more():
    code = (
        "import sys; before = set(sys.modules); import agata;"
        "print(sorted(set(sys.modules) - before - {'agata', 'time', '_thread'}))"
    )
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True, timeout=30)
    assert loaded.strip() == "[]"
