"""The client side: a Flower client that trains on its own share of the digits.

    client.py WORK|cli [test-error] [--server HOST:PORT] [--partition I/N] [--seed N] ...

It reports what each round's model gives on its own data. It exits 0 when the server ends the training, 1 when its own code fails (an error
report: this client must not run the task again), and 75 when the server cannot
be reached or goes away (no error report: trying again later is right).
"""
# agata: warm

import os
import sys

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")  # read by flwr as it is imported

import gc

gc.disable()  # the imports make 240,000 objects, and nearly all of them stay

import argparse
import socket
import time
import traceback

from flwr.client import NumPyClient, start_client
from grpc import RpcError

import task

gc.freeze()
gc.enable()

EX_TEMPFAIL = 75


class Unreachable(Exception):
    """The server does not answer, or no longer does."""


class DigitsClient(NumPyClient):
    def __init__(self, options, reporter):
        self.options, self.reporter = options, reporter
        self.partition, count = task.partition_of(
            options.partition, os.environ.get("AGATA_CLIENT_ID", "")
        )
        self.model = task.Model(0, options.seed)  # its real weights come from the server
        self.images, self.labels, self.test_images, self.test_labels = task.local_data(
            options.seed, self.partition, count, options.shuffle_labels
        )

    def fit(self, parameters, config):
        self.model.weights = parameters
        rng = task.np.random.default_rng([self.options.seed, self.partition, config["round"]])
        self.model.train(
            self.images, self.labels, self.options.epochs, self.options.learning_rate, rng
        )
        return self.model.weights, len(self.labels), {"partition": self.partition}

    def evaluate(self, parameters, config):
        self.model.weights = parameters
        loss, accuracy = self.model.test(self.test_images, self.test_labels)
        if self.reporter:
            self.reporter.send_stats(config["round"], f"{accuracy:.4f}", f"{loss:.4f}")
        return loss, len(self.test_labels), {"accuracy": accuracy, "partition": self.partition}


def await_server(address, seconds):
    """Wait until something listens at address, since Flower's first try is its only one."""
    host, _, port = address.rpartition(":")
    deadline, pause = time.monotonic() + seconds, 0.05
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
            return
        except OSError as error:
            if time.monotonic() + pause > deadline:
                raise Unreachable(f"no server at {address} within {seconds:g} s: {error}") from error
        time.sleep(pause)
        pause = min(pause * 2, 1)


def train(options, reporter):
    client = DigitsClient(options, reporter)
    if options.fault == "test-error":
        raise RuntimeError("this client was told to fail (test-error)")
    await_server(options.server, options.wait)
    try:
        start_client(server_address=options.server, client=client.to_client())
    except (RpcError, StopIteration) as error:  # StopIteration: the stream was closed in order
        raise Unreachable(f"the server at {options.server} went away: {error!r}") from error


def parse(arguments):
    parser = argparse.ArgumentParser(prog="client.py")
    parser.add_argument("work", help="the work folder, or cli to run by hand and report nothing")
    parser.add_argument("fault", nargs="?", choices=["test-error"], help="fail right after start")
    parser.add_argument(
        "--server",
        default=os.environ.get("AGATA_SERVER_ADDRESS", "127.0.0.1:18080"),
        metavar="HOST:PORT",
    )
    parser.add_argument("--partition", metavar="I/N", help="default: by AGATA_CLIENT_ID")
    parser.add_argument("--seed", type=int, default=7, help="the same for all of a task's clients")
    parser.add_argument("--epochs", type=int, default=5, help="local epochs a round")
    parser.add_argument("--learning-rate", type=float, default=0.2)
    parser.add_argument("--shuffle-labels", action="store_true", help="spoil this client's data")
    parser.add_argument("--wait", type=float, default=20, help="seconds to wait for the server")
    return parser.parse_args(arguments)


def main():
    options = parse(sys.argv[1:])
    side = task.Side("task_client", options.work)
    side.event("Started client")
    try:
        train(options, side.reporter)
    except Unreachable as gone:
        print(f"client: {gone}", file=sys.stderr)
        side.event("Error!")
        side.leave(EX_TEMPFAIL)
    except Exception as error:
        traceback.print_exc()
        side.event("Error!")
        if side.reporter:
            side.reporter.send_error(error)
        side.leave(1)
    side.event("Finished client")
    if side.reporter:
        side.reporter.send_info("Finished")
    side.leave(0)


if __name__ == "__main__":
    main()
