"""Calls a function over AMQP the way AGATA's Python peers do, with pika.

usage: rpc.py URL QUEUE

A worker (BlockingConnection) serves QUEUE, declared with every flag false. One
client calls it over a BlockingConnection, another over a SelectConnection; each
waits for the reply on an exclusive queue that the broker named. Prints what the
clients got, one line each.
"""
import json
import sys
import threading
import uuid

import pika

url, queue = sys.argv[1:]


def parameters():
    p = pika.URLParameters(url)
    p.heartbeat = 600
    p.blocked_connection_timeout = 20
    return p


def watchdog():
    print("no answer within 20 s", flush=True)
    import os
    os._exit(1)


timer = threading.Timer(20, watchdog)
timer.daemon = True
timer.start()


def properties(reply_to, call):
    return pika.BasicProperties(reply_to=reply_to, correlation_id=call, type="rpc_exec_double")


class Worker:
    def __init__(self):
        self.connection = pika.BlockingConnection(parameters())
        self.channel = self.connection.channel()
        self.channel.queue_declare(queue=queue)
        self.channel.basic_qos(prefetch_count=1)
        self.channel.basic_consume(queue=queue, on_message_callback=self.on_request)

    def on_request(self, ch, method, props, body):
        value = json.loads(body)["value"] * 2
        answer = json.dumps({"status_code": 200, "return": value})
        ch.basic_publish(exchange="", routing_key=props.reply_to, body=answer,
                         properties=pika.BasicProperties(correlation_id=props.correlation_id))
        ch.basic_ack(delivery_tag=method.delivery_tag)

    def stop(self):
        self.connection.add_callback_threadsafe(self.channel.stop_consuming)


def blocking_client():
    connection = pika.BlockingConnection(parameters())
    channel = connection.channel()
    replies = channel.queue_declare(queue="", exclusive=True).method.queue
    call, got = str(uuid.uuid4()), []

    def on_reply(ch, method, props, body):
        if props.correlation_id == call:
            got.append(json.loads(body))

    channel.basic_consume(queue=replies, on_message_callback=on_reply, auto_ack=True)
    channel.queue_declare(queue=queue)
    channel.basic_publish(exchange="", routing_key=queue, body=json.dumps({"value": 21}),
                          properties=properties(replies, call))
    while not got:
        connection.process_data_events(time_limit=1)
    print("blocking", got[0]["status_code"], got[0]["return"], flush=True)
    connection.close()


def select_client():
    call, state = str(uuid.uuid4()), {}

    def on_open(connection):
        connection.channel(on_open_callback=on_channel)

    def on_channel(channel):
        state["channel"] = channel
        channel.queue_declare(queue="", exclusive=True, callback=on_replies)

    def on_replies(frame):
        state["replies"] = frame.method.queue
        state["channel"].basic_consume(queue=state["replies"], on_message_callback=on_reply,
                                       auto_ack=True, callback=on_consuming)

    def on_consuming(_):
        state["channel"].queue_declare(queue=queue, callback=on_queue)

    def on_queue(_):
        state["channel"].basic_publish(exchange="", routing_key=queue, body=json.dumps({"value": 4}),
                                       properties=properties(state["replies"], call))

    def on_reply(channel, method, props, body):
        if props.correlation_id == call:
            state["answer"] = json.loads(body)
            channel.connection.close()

    def on_close(connection, reason):
        connection.ioloop.stop()

    connection = pika.SelectConnection(parameters(), on_open_callback=on_open, on_close_callback=on_close,
                                       on_open_error_callback=on_close)
    connection.ioloop.start()
    print("select", state["answer"]["status_code"], state["answer"]["return"], flush=True)


worker = Worker()
thread = threading.Thread(target=worker.channel.start_consuming)
thread.start()
try:
    blocking_client()
    select_client()
finally:
    worker.stop()
    thread.join(10)
    worker.channel.queue_delete(queue=queue)
    worker.connection.close()
