"""rpc_send and register_event, where tasks of the Python platform look for them.

pika is imported when a broker is first needed, so that a task whose events are
reports runs without it.
"""

import agata

__all__ = ["register_event", "rpc_send"]

DEADLINE = 30  # seconds for a whole call, connecting and answering
_EVENT_DEADLINE = 5  # seconds for an event, for which a task should not have to wait


def register_event(
    service_name, func_name, event_descr, allow_registering=True, host="localhost", port=5672
):
    """Put an event on the timeline: by report under AGATA, else through the broker."""
    agata.register_event(service_name, func_name, event_descr, allow_registering, host, port)


def rpc_send(func_name, request, host="localhost", port=5672):
    """Call a function of a service and return its reply, {"status_code", "return"|"exception"}.

    Raises TimeoutError after DEADLINE seconds, LookupError when nothing serves
    the function, pika's errors when the broker does not answer, and ImportError
    without pika.
    """
    import json
    import time
    import uuid

    import pika

    deadline = time.monotonic() + DEADLINE
    connection = _connect(pika, host, port, DEADLINE)
    try:
        channel = connection.channel()
        answers, returned, call = [], [], str(uuid.uuid4())

        def on_reply(_channel, _method, properties, body):
            if properties.correlation_id == call:
                answers.append(body)

        inbox = channel.queue_declare(queue="", exclusive=True).method.queue
        channel.basic_consume(queue=inbox, on_message_callback=on_reply, auto_ack=True)
        channel.add_on_return_callback(lambda *_: returned.append(True))
        channel.basic_publish(
            exchange="",
            routing_key=func_name,
            properties=pika.BasicProperties(
                reply_to=inbox,
                correlation_id=call,
                type=func_name,
                expiration=str(int(DEADLINE * 1000)),
            ),
            body=json.dumps(request),
            mandatory=True,
        )
        while not answers:
            if returned:
                raise LookupError("nothing serves %s at %s:%s" % (func_name, host, port))
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("%s did not answer in %g s" % (func_name, DEADLINE))
            connection.process_data_events(time_limit=left)
        return json.loads(answers[0])
    finally:
        _close(connection)


def publish_event(event, host, port):
    """Put an event, a dict, into a broker's queue of events."""
    import json

    import pika

    connection = _connect(pika, host, port, _EVENT_DEADLINE)
    try:
        _events_channel(pika, connection).basic_publish(
            exchange="", routing_key="events", body=json.dumps(event, default=str)
        )
    finally:
        _close(connection)


def _connect(pika, host, port, seconds):
    return pika.BlockingConnection(
        pika.ConnectionParameters(
            host=host,
            port=int(port or 5672),
            heartbeat=600,
            socket_timeout=min(seconds, 5),
            stack_timeout=seconds,
            blocked_connection_timeout=seconds,
        )
    )


def _events_channel(pika, connection):
    """Return a channel, and make sure that the queue of events is there.

    It is declared as the platform's peers do, with every flag off. A broker that
    has it with other flags refuses and closes the channel; then it is there.
    """
    channel = connection.channel()
    try:
        channel.queue_declare(queue="events")
        return channel
    except pika.exceptions.ChannelClosedByBroker as refusal:
        if refusal.reply_code != 406:
            raise
        return connection.channel()


def _close(connection):
    try:
        connection.close()
    except Exception:
        pass  # it is closed, or as good as
