"""A peer that knows the wire contract and nothing of AGATA's code.

peer.py ask           does what each JSON line on stdin asks for (the functions
                      do_... below) and prints one JSON line with what came of it
peer.py cloud PORT D  stands in for the cloud on a client's broker at PORT: serves
                      the two functions that a client calls, with the offers in
                      D/offers.json, and D/files over HTTP; prints each request
"""

import base64
import http.server
import json
import os
import sys
import threading
import urllib.error
import urllib.request
import uuid

import pika


def connect(port):
    return pika.BlockingConnection(pika.ConnectionParameters(host="127.0.0.1", port=port, heartbeat=600))


def tell(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def do_declare(port, queues):
    connection = connect(port)
    channel = connection.channel()
    for queue in queues:
        channel.queue_declare(queue=queue)
    connection.close()
    return {}


def do_call(port, queue, body, type=None):
    """One RPC: a connection, the queue declared first, an exclusive reply queue."""
    connection = connect(port)
    channel = connection.channel()
    reply_to = channel.queue_declare(queue="", exclusive=True).method.queue
    wanted, got = str(uuid.uuid4()), []

    def on_reply(_channel, _method, properties, content):
        if properties.correlation_id == wanted:
            got.append(content)

    channel.basic_consume(queue=reply_to, on_message_callback=on_reply, auto_ack=True)
    channel.queue_declare(queue=queue)
    channel.basic_publish(
        exchange="",
        routing_key=queue,
        body=body,
        properties=pika.BasicProperties(reply_to=reply_to, correlation_id=wanted, type=type or queue),
    )
    connection.process_data_events(time_limit=0)
    for _ in range(100):
        if got:
            break
        connection.process_data_events(time_limit=0.2)
    connection.close()
    return {"reply": got[0].decode() if got else None}


def do_events(port, until):
    """Reads the timeline up to an event with a text."""
    connection = connect(port)
    channel = connection.channel()
    channel.queue_declare(queue="events")
    events = []
    for _method, _properties, content in channel.consume("events", auto_ack=True, inactivity_timeout=15):
        if content is None:
            break
        events.append(json.loads(content))
        if events[-1]["event"] == until:
            break
    connection.close()
    return {"events": events}


def do_http(url, method="GET", body=None, headers=None, user=None, password=None):
    request = urllib.request.Request(url, method=method, headers=headers or {})
    if body is not None:
        request.data = body.encode() if isinstance(body, str) else body
    if user is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
    try:
        response = urllib.request.urlopen(request, timeout=15)
    except urllib.error.HTTPError as failure:
        response = failure
    with response:
        return {"status": response.status, "headers": dict(response.headers), "body": response.read().decode()}


def do_upload(url, task_id=None, files=None):
    boundary = uuid.uuid4().hex
    parts = []
    if task_id is not None:
        parts.append(f'Content-Disposition: form-data; name="task_id"\r\n\r\n{task_id}')
    for name, text in (files or {}).items():
        parts.append(f'Content-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n{text}')
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
    return do_http(url, "POST", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})


def ask():
    for line in sys.stdin:
        order = json.loads(line)
        try:
            tell(**globals()["do_" + order.pop("op")](**order))
        except Exception as failure:
            tell(failed=repr(failure))


class Files(http.server.BaseHTTPRequestHandler):
    root = ""

    def do_GET(self):
        path = os.path.join(self.root, *self.path.split("/")[2:])
        status, content = 200, b""
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"user:123").decode():
            status = 401
        elif not os.path.isfile(path):
            status = 404
        else:
            with open(path, "rb") as file:
                content = file.read()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="Login Required"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


def cloud(port, folder):
    Files.root = os.path.join(folder, "files")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    channel = connect(port).channel()

    def on_request(channel, method, properties, content):
        value = None
        if properties.type == "rpc_exec_client_requesting_task":
            with open(os.path.join(folder, "offers.json")) as file:
                value = json.load(file)
        channel.basic_publish(
            exchange="",
            routing_key=properties.reply_to,
            body=json.dumps({"status_code": 200, "return": value}),
            properties=pika.BasicProperties(correlation_id=properties.correlation_id),
        )
        channel.basic_ack(delivery_tag=method.delivery_tag)
        tell(function=properties.type, arguments=json.loads(content))

    for queue in ("rpc_exec_update_user_info", "rpc_exec_client_requesting_task"):
        channel.queue_declare(queue=queue)
        channel.basic_consume(queue=queue, on_message_callback=on_request)
    tell(files=server.server_port)
    channel.start_consuming()


if sys.argv[1] == "cloud":
    cloud(int(sys.argv[2]), sys.argv[3])
else:
    ask()
