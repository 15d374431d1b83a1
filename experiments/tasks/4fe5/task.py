"""What both sides of the task share: the model, the data, and how a side reports.

The model is a small perceptron in plain numpy and the data are scikit-learn's
handwritten digits (1,797 pictures of 8x8), read from the file that the package
ships: importing scikit-learn itself would cost the client a second of start-up
for one table.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # ten classes do not need a thread pool

import gzip
import importlib.util
import sys
import zlib

import numpy as np

FEATURES, CLASSES = 64, 10


class Model:
    """A perceptron with one hidden layer of tanh units; with hidden=0, softmax regression."""

    def __init__(self, hidden, seed):
        rng = np.random.default_rng(seed)
        sizes = [FEATURES, hidden, CLASSES] if hidden else [FEATURES, CLASSES]
        self.weights = []
        for fan_in, fan_out in zip(sizes, sizes[1:]):
            self.weights.append(rng.normal(0, fan_in**-0.5, (fan_in, fan_out)))
            self.weights.append(np.zeros(fan_out))

    def forward(self, images):
        """Return every layer's input, and the classes' probabilities."""
        inputs = [images]
        for i in range(0, len(self.weights) - 2, 2):
            inputs.append(np.tanh(inputs[-1] @ self.weights[i] + self.weights[i + 1]))
        logits = inputs[-1] @ self.weights[-2] + self.weights[-1]
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        return inputs, scores / scores.sum(axis=1, keepdims=True)

    def train(self, images, labels, epochs, learning_rate, rng, batch=32):
        """Descend the cross-entropy by mini-batches, in place."""
        for _ in range(epochs):
            order = rng.permutation(len(labels))
            for start in range(0, len(order), batch):
                chosen = order[start : start + batch]
                inputs, delta = self.forward(images[chosen])
                delta[np.arange(len(chosen)), labels[chosen]] -= 1
                delta /= len(chosen)
                for i in range(len(self.weights) - 2, -1, -2):
                    below = inputs[i // 2]
                    back = (delta @ self.weights[i].T) * (1 - below**2)
                    self.weights[i] -= learning_rate * (below.T @ delta)
                    self.weights[i + 1] -= learning_rate * delta.sum(axis=0)
                    delta = back

    def test(self, images, labels):
        """Return the mean cross-entropy and the accuracy."""
        _, scores = self.forward(images)
        loss = -np.log(np.maximum(scores[np.arange(len(labels)), labels], 1e-12)).mean()
        return float(loss), float((scores.argmax(axis=1) == labels).mean())


def digits():
    """Return all pictures, scaled to 0..1, and their labels."""
    package = importlib.util.find_spec("sklearn")  # finds the package without running it
    if package is None:
        raise RuntimeError("scikit-learn is not installed: its digits are this task's data")
    table = os.path.join(package.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    with gzip.open(table, "rt") as lines:
        rows = np.fromstring(lines.read().replace("\n", ","), sep=",").reshape(-1, FEATURES + 1)
    return rows[:, :-1] / 16, rows[:, -1].astype(int)


def local_data(seed, partition, of, shuffle_labels):
    """Return one client's own pictures as (training images, labels, test images, labels).

    The pictures are dealt into `of` equal parts in an order that depends on the
    seed alone; this client holds part `partition`, and keeps a fifth of it apart
    for testing. With shuffle_labels its labels no longer belong to its pictures,
    which is what a client with spoilt data looks like.
    """
    images, labels = digits()
    mine = np.random.default_rng(seed).permutation(len(labels))[partition::of]
    images, labels = images[mine], labels[mine]
    if shuffle_labels:
        np.random.default_rng([seed, partition]).shuffle(labels)
    cut = len(labels) // 5
    return images[cut:], labels[cut:], images[:cut], labels[:cut]


def partition_of(text, client_id):
    """Return (index, count) from "i/n"; without a text, a client's id chooses one of four."""
    if not text:
        return zlib.crc32(client_id.encode()) % 4, 4
    index, _, count = text.partition("/")
    if not (index.isdigit() and count.isdigit() and int(index) < int(count)):
        raise ValueError(f"partition {text!r} is not I/N with I from 0 to N-1")
    return int(index), int(count)


class Side:
    """One side's reports and events; started with `cli` as first argument it says nothing."""

    def __init__(self, service, work):
        self.service, self.reporter, self._register = service, None, None
        if work != "cli":
            import agata

            self._register = agata.register_event
            self.reporter = agata.TaskReporter()

    def event(self, text):
        if self.reporter:
            self._register(self.service, "main", text)

    def leave(self, code):
        """End the process now: the interpreter's own way out waits for gRPC's threads."""
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
