"""How a task process speaks to the AGATA manager that launched it.

    import agata

    reporter = agata.TaskReporter()                # reports Started
    agata.register_event("task_client", "main", "Started client")
    reporter.send_stats(1, 0.93, loss=0.21)
    reporter.send_info("Finished")

Each report is one line of JSON. The lines go to the file that the environment
variable AGATA_REPORTS names, and to standard output without one. A report is a
hint: none of these calls raises, whatever value it is given and whatever
happens to the file, for a task must not die of its own reporting.

The import is on the way to every task's first word, so this module needs
nothing but what an interpreter has loaded anyway.
"""

import os
import sys
from _thread import allocate_lock
from time import time

__all__ = ["TaskReporter", "register_event"]

MAX_LINE = 64 << 10  # bytes without the newline; a longer line is taken for log output

_ESCAPES = {code: "\\u%04x" % code for code in range(0x20)}
_ESCAPES.update({ord('"'): '\\"', ord("\\"): "\\\\"})


class TaskReporter:
    """A task's reports. Its methods may be called from any thread."""

    def __init__(self):
        self.send_info("Started")

    def send_stats(self, task_round, acc, loss=None):
        """Report what a round gave; acc and loss may be anything, their text is sent."""
        if loss is None:
            _send("model", round=task_round, acc=acc)
        else:
            _send("model", round=task_round, acc=acc, loss=loss)

    def send_info(self, info):
        """Report a text; "Finished" says that the task is done and may be stopped."""
        _send("info", info=info)

    def send_print(self, msg):
        """Report a line for the task's log."""
        _send("print", message=msg)

    def send_error(self, exception):
        """Report that the task failed: this client will not run it again."""
        _send("error", exception=_text(exception) or type(exception).__name__)

    def trigger(self, trigger_name, trigger_arguments=""):
        """Ask for a run of the task's own trigger_name.py. Server side only."""
        _send("trigger", trigger_name=trigger_name, trigger_arguments=trigger_arguments)


def register_event(
    service_name, func_name, event_descr, allow_registering=True, host=None, port=None
):
    """Put an event, timed now, on the platform's timeline.

    It goes the way of the reports. Only with a broker's host, and without
    AGATA_REPORTS, it goes to that broker's queue of events instead: so do tasks
    that were written for a platform without this report.
    """
    if not allow_registering:
        return
    now = time()
    if host is None or os.environ.get("AGATA_REPORTS"):
        _send("event", service=service_name, function=func_name, event=event_descr, time=now)
        return
    event = {"time": now, "service": service_name, "function": func_name, "event": event_descr}
    try:
        from microservice_interconnect.rpc_client import publish_event

        publish_event(event, host, port)
    except Exception as error:  # no pika, no broker: an event is not worth a task
        _complain("event %r is lost: %s: %s" % (event_descr, type(error).__name__, error))


def _text(value):
    """Return str(value), even of a value that has none."""
    try:
        return str(value)
    except Exception:
        return "<%s without a text>" % type(value).__name__


def _send(kind, time=None, **texts):
    """Write one report, with its texts cut as far as the longest line demands."""
    texts = {name: _text(value) for name, value in texts.items()}
    head = '{"type":"%s"' % kind + ("" if time is None else ',"time":%.6f' % time)
    limit = MAX_LINE
    while True:
        body = "".join(',"%s":"%s"' % (n, t.translate(_ESCAPES)) for n, t in texts.items())
        # A lone surrogate has no UTF-8; backslashreplace makes the JSON escape of it.
        line = (head + body + "}\n").encode("utf-8", "backslashreplace")
        if len(line) <= MAX_LINE + 1:
            break
        texts = {n: t if len(t) <= limit else t[:limit] + " [cut]" for n, t in texts.items()}
        limit //= 2
    _STREAM.write(line)


class _Stream:
    """Where the lines go: one write a line, and lines of threads one after the other."""

    def __init__(self):
        self._lock = allocate_lock()
        self._path, self._fd = None, -1

    def write(self, line):
        with self._lock:
            try:
                path = os.environ.get("AGATA_REPORTS")
                if path:
                    _write_whole(self._open(path), line)
                else:
                    _write_stdout(line)
            except (OSError, ValueError, AttributeError) as error:  # full, closed, or None
                _complain("a report is lost: %s" % error)

    def _open(self, path):
        if path != self._path:
            fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            if self._fd >= 0:
                os.close(self._fd)
            self._path, self._fd = path, fd
        return self._fd


def _write_whole(fd, line):
    while line:  # a file takes a line at once; this is for a disk that is nearly full
        line = line[os.write(fd, line) :]


def _write_stdout(line):
    sys.stdout.flush()  # what the task printed before comes before
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:  # replaced by something that takes text only
        sys.stdout.write(line.decode("utf-8"))
    else:
        stream.write(line)
    sys.stdout.flush()


def _complain(text):
    try:
        sys.stderr.write("agata: %s\n" % text.replace("\n", " "))
    except Exception:
        pass


_STREAM = _Stream()
