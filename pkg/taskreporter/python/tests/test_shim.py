"""The names under which tasks of the Python platform import things.

The broker here is a stand-in for pika that behaves as the parts of it that the
shim uses; it shows what the shim asks of a broker, and in which order.
"""

import json
import sys
import types

import agata
import pytest
from microservice_interconnect import rpc_client
from task_daemon_lib.task_reporter import TaskReporter


class ChannelClosedByBroker(Exception):
    reply_code = 406


class Broker:
    """A pika module whose one broker remembers what it was told."""

    def __init__(self):
        self.log, self.answer, self.refuse = [], None, None
        self.exceptions = types.SimpleNamespace(ChannelClosedByBroker=ChannelClosedByBroker)

    def ConnectionParameters(self, **given):
        assert given["socket_timeout"] and given["stack_timeout"]
        return given["host"], given["port"]

    def BlockingConnection(self, address):
        self.log.append(("connect", *address))
        return Connection(self)

    def BasicProperties(self, **given):
        return types.SimpleNamespace(**given)


class Connection:
    def __init__(self, broker):
        self.broker = broker

    def channel(self):
        return Channel(self.broker)

    def process_data_events(self, time_limit):
        assert 0 < time_limit <= rpc_client.DEADLINE
        broker = self.broker
        if broker.answer == "return":
            broker.on_return()
        elif broker.answer:
            other = types.SimpleNamespace(correlation_id="another call's")
            broker.on_reply(None, None, other, b'{"status_code": 500}')
            own = types.SimpleNamespace(correlation_id=broker.request.correlation_id)
            broker.on_reply(None, None, own, broker.answer)

    def close(self):
        self.broker.log.append(("close",))


class Channel:
    def __init__(self, broker):
        self.broker = broker

    def queue_declare(self, queue, exclusive=False):
        self.broker.log.append(("declare", queue, exclusive))
        if self.broker.refuse == queue:
            self.broker.refuse = None
            raise ChannelClosedByBroker
        return types.SimpleNamespace(method=types.SimpleNamespace(queue=queue or "amq.gen-1"))

    def basic_consume(self, queue, on_message_callback, auto_ack):
        self.broker.on_reply = on_message_callback

    def add_on_return_callback(self, callback):
        self.broker.on_return = callback

    def basic_publish(self, exchange, routing_key, body, properties=None, mandatory=False):
        self.broker.request = properties
        self.broker.log.append(("publish", exchange, routing_key, json.loads(body)))


@pytest.fixture
def broker(monkeypatch):
    broker = Broker()
    monkeypatch.setitem(sys.modules, "pika", broker)
    return broker


def test_the_reporter_is_agatas():
    assert TaskReporter is agata.TaskReporter


def test_an_event_is_a_report_under_agata(tmp_path, monkeypatch, broker):
    monkeypatch.setenv("AGATA_REPORTS", str(tmp_path / "reports"))
    rpc_client.register_event("s", "f", "e", allow_registering=True, host="h", port=1)
    report = json.loads((tmp_path / "reports").read_text())
    assert (report["type"], report["event"], broker.log) == ("event", "e", [])


def test_an_event_goes_to_the_broker_elsewhere(monkeypatch, broker, capsys):
    monkeypatch.setattr(agata, "time", lambda: 1.5)
    rpc_client.register_event("s", "f", "e", True, "h", "8000")
    event = {"time": 1.5, "service": "s", "function": "f", "event": "e"}
    assert broker.log == [
        ("connect", "h", 8000),
        ("declare", "events", False),
        ("publish", "", "events", event),
        ("close",),
    ]
    assert capsys.readouterr() == ("", "")


def test_a_queue_of_events_with_other_flags_will_do(broker):
    broker.refuse = "events"
    rpc_client.register_event("s", "f", "e")
    assert [entry[0] for entry in broker.log] == ["connect", "declare", "publish", "close"]


def test_an_event_not_wanted_goes_nowhere(broker):
    rpc_client.register_event("s", "f", "e", False, "h", 1)
    assert broker.log == []


@pytest.mark.parametrize("pika", [None, types.SimpleNamespace()])
def test_an_event_without_pika_or_broker_costs_one_line(monkeypatch, capsys, pika):
    monkeypatch.setitem(sys.modules, "pika", pika)  # None: import fails; else: no connection
    rpc_client.register_event("s", "f", "Started client")
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("agata: event 'Started client' is lost: ")
    assert err.count("\n") == 1


def test_a_call_returns_its_own_reply(broker):
    broker.answer = b'{"status_code": 200, "return": [1]}'
    reply = rpc_client.rpc_send("rpc_exec_x", {"task_id": "1"}, host="h", port="9000")
    assert reply == {"status_code": 200, "return": [1]}
    assert broker.request.type == "rpc_exec_x"
    assert broker.request.reply_to == "amq.gen-1"
    assert broker.log == [
        ("connect", "h", 9000),
        ("declare", "", True),
        ("publish", "", "rpc_exec_x", {"task_id": "1"}),
        ("close",),
    ]


def test_a_call_that_nobody_serves_fails_at_once(broker):
    broker.answer = "return"
    with pytest.raises(LookupError, match="nothing serves rpc_exec_x at h:1"):
        rpc_client.rpc_send("rpc_exec_x", {}, host="h", port=1)
    assert broker.log[-1] == ("close",)


def test_a_call_without_an_answer_meets_its_deadline(broker, monkeypatch):
    monkeypatch.setattr(rpc_client, "DEADLINE", 0.05)
    with pytest.raises(TimeoutError, match="rpc_exec_x did not answer"):
        rpc_client.rpc_send("rpc_exec_x", {})
    assert broker.log[-1] == ("close",)
