"""The server side: federated averaging of a digits model by Flower.

    server.py WORK|cli [--port N] [--rounds N] [--min-clients N] [--pause S] ...

It reports the aggregated accuracy and loss of every round, asks once for the trigger when
that accuracy is good, and fails when it stays low (--min-accuracy, --patience).
"""
# agata: warm

import os
import sys

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")  # read by flwr as it is imported

import gc

gc.disable()  # the imports make 240,000 objects, and nearly all of them stay

import argparse
import signal
import time
import traceback

from flwr.common import ndarrays_to_parameters
from flwr.server import History, Server, ServerConfig, SimpleClientManager, start_server
from flwr.server.strategy import FedAvg

import task

gc.freeze()
gc.enable()


class LowAccuracy(Exception):
    """The model does not learn."""


def weighted(name):
    """Return a function that averages a metric, each client's weighted by its examples."""

    def mean(results):
        examples = sum(count for count, _ in results)
        return {name: sum(count * metrics[name] for count, metrics in results) / examples}

    return mean


class Averaging(FedAvg):
    """FedAvg that reports each round, in an order of clients that does not depend on timing."""

    def __init__(self, options, side):
        model = task.Model(options.hidden, options.seed)
        super().__init__(
            min_fit_clients=options.min_clients,
            min_evaluate_clients=options.min_clients,
            min_available_clients=options.min_clients,
            on_fit_config_fn=lambda server_round: {"round": server_round},
            on_evaluate_config_fn=lambda server_round: {"round": server_round},
            fit_metrics_aggregation_fn=lambda results: {},
            evaluate_metrics_aggregation_fn=weighted("accuracy"),
            initial_parameters=ndarrays_to_parameters(model.weights),
        )
        self.options, self.side = options, side
        self.best, self.triggered = 0.0, False

    def aggregate_fit(self, server_round, results, failures):
        return super().aggregate_fit(server_round, by_partition(results), failures)

    def aggregate_evaluate(self, server_round, results, failures):
        loss, metrics = super().aggregate_evaluate(server_round, by_partition(results), failures)
        if "accuracy" in metrics:
            self.judge(server_round, metrics["accuracy"], loss)
        time.sleep(self.options.pause)
        return loss, metrics

    def judge(self, server_round, accuracy, loss):
        print(f"round {server_round}: accuracy {accuracy:.4f}, loss {loss:.4f}", flush=True)
        reporter = self.side.reporter
        if reporter:
            reporter.send_stats(server_round, f"{accuracy:.4f}", f"{loss:.4f}")
        if accuracy >= self.options.trigger_accuracy and not self.triggered:
            self.triggered = True
            if reporter:
                reporter.trigger("trigger_example", f"{accuracy:.4f}")
        self.best = max(self.best, accuracy)
        if server_round >= self.options.patience and self.best < self.options.min_accuracy:
            raise LowAccuracy(
                f"accuracy stays low: {self.best:.4f} at best in {server_round} rounds, "
                f"{self.options.min_accuracy:g} is wanted"
            )


def by_partition(results):
    return sorted(results, key=lambda result: result[1].metrics["partition"])


class SettlingServer(Server):
    """Says how the task ended before it lets its clients go.

    A released client asks for work at once. Were the platform told later, it
    would offer this ending task again. From the last report on, the platform may
    also ask this process to stop; the clients' release must not be cut short by it.
    """

    def __init__(self, strategy, side):
        super().__init__(client_manager=SimpleClientManager(), strategy=strategy)
        self.side = side
        self.failure = None

    def fit(self, num_rounds, timeout):
        # Flower has just installed a handler that spends a second on stopping. A
        # closed socket tells the clients the same at once.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            return super().fit(num_rounds, timeout)
        except Exception as error:  # told below, before the clients hear of it
            traceback.print_exc()
            self.failure = error
            return History(), 0.0

    def disconnect_all_clients(self, timeout):
        settle(self.side, self.failure)
        super().disconnect_all_clients(timeout=3)


def settle(side, failure):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    side.event("Ended server" if failure else "Finished server")
    if side.reporter and failure:
        side.reporter.send_error(failure)
    elif side.reporter:
        side.reporter.send_info("Finished")


def parse(arguments):
    host, _, port = os.environ.get("AGATA_SERVER_ADDRESS", "127.0.0.1:18080").rpartition(":")
    parser = argparse.ArgumentParser(prog="server.py")
    parser.add_argument("work", help="the work folder, or cli to run by hand and report nothing")
    parser.add_argument("--host", default=host, help="the address to listen on")
    parser.add_argument("--port", type=int, default=int(port))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--min-clients", type=int, default=2, help="clients a round waits for")
    parser.add_argument("--round-timeout", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--pause", type=float, default=0, metavar="SECONDS", help="after each round")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--hidden", type=int, default=32, help="hidden units; 0: none")
    parser.add_argument("--trigger-accuracy", type=float, default=0.8)
    parser.add_argument("--min-accuracy", type=float, default=0, help="fail when never reached")
    parser.add_argument("--patience", type=int, default=3, help="in this many rounds")
    return parser.parse_args(arguments)


def main():
    options = parse(sys.argv[1:])
    side = task.Side("task_server", options.work)
    side.event("Started server")
    server = SettlingServer(Averaging(options, side), side)
    try:
        start_server(
            server_address=f"{options.host}:{options.port}",
            server=server,
            config=ServerConfig(num_rounds=options.rounds, round_timeout=options.round_timeout),
        )
    except (Exception, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.code, str):
            raise  # by a signal; with a text it is Flower's way to say that the port is in use
        traceback.print_exc()
        settle(side, error)
        side.leave(1)
    side.leave(1 if server.failure else 0)


if __name__ == "__main__":
    main()
