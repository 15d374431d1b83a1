"""A peer in Python for `agata bench rpc`: a worker, or callers, over pika.

pika_peer.py serve URL QUEUE    answers each request with its own body
pika_peer.py call URL QUEUE     reads {"mode", "callers", "seconds"} lines, answers each
                                with {"calls", "seconds", "p50_ms", "p99_ms"}

mode "per-call" is what the original does: a connection, the function's queue and
a queue for the answer, all made anew for each call. "kept" keeps all three.
"""
import json, math, sys, threading, time, uuid

import pika


def serve(url, queue):
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    channel.queue_declare(queue=queue)

    def answer(ch, method, properties, body):
        json.loads(body)
        ch.basic_publish("", properties.reply_to, body, pika.BasicProperties(correlation_id=properties.correlation_id))
        ch.basic_ack(method.delivery_tag)

    channel.basic_consume(queue, answer)
    print("ready", flush=True)
    channel.start_consuming()


class Caller:
    def __init__(self, url, queue):
        self.queue = queue
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.channel = self.connection.channel()
        self.channel.queue_declare(queue=queue)
        self.replies = self.channel.queue_declare(queue="", exclusive=True).method.queue
        self.channel.basic_consume(self.replies, self.take, auto_ack=True)
        self.answer = self.id = None

    def take(self, ch, method, properties, body):
        if properties.correlation_id == self.id:
            self.answer = body

    def call(self, body):
        self.answer, self.id = None, str(uuid.uuid4())
        self.channel.basic_publish("", self.queue, body, pika.BasicProperties(reply_to=self.replies, correlation_id=self.id, type=self.queue))
        end = time.monotonic() + 60
        while self.answer is None:
            self.connection.process_data_events(time_limit=1)
            if time.monotonic() > end:
                raise TimeoutError("no answer within 60 s")

    def close(self):
        self.connection.close()


def measure(url, queue, mode, callers, seconds):
    body = json.dumps({"user_id": "x" * 242}).encode()
    took, failed = [], []
    ready = threading.Barrier(callers + 1)

    def run():
        mine = []
        try:
            kept = Caller(url, queue) if mode == "kept" else None
            ready.wait()
            end = time.monotonic() + seconds
            while True:
                began = time.monotonic()
                caller = kept or Caller(url, queue)
                caller.call(body)
                if not kept:
                    caller.close()
                now = time.monotonic()
                mine.append(now - began)
                if now >= end:
                    break
            took.extend(mine)
        except Exception as e:
            failed.append(repr(e))
            ready.abort()
            return
        finish.append(time.monotonic())
        if kept:
            kept.close()

    finish = []
    threads = [threading.Thread(target=run) for _ in range(callers)]
    for t in threads:
        t.start()
    try:
        ready.wait()
    except threading.BrokenBarrierError:
        pass
    began = time.monotonic()
    for t in threads:
        t.join()
    if failed:
        return {"error": failed[0]}
    took.sort()
    at = lambda q: took[max(0, math.ceil(q * len(took)) - 1)] * 1e3
    return {"calls": len(took), "seconds": max(finish) - began, "p50_ms": at(0.5), "p99_ms": at(0.99)}


def main():
    role, url, queue = sys.argv[1:]
    if role == "serve":
        serve(url, queue)
    for line in sys.stdin:
        print(json.dumps(measure(url, queue, **json.loads(line))), flush=True)


main()
