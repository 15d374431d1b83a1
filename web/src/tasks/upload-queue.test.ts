import { expect, it } from "vitest";
import { UploadQueue } from "./upload-queue";
import type { Uploaded, UploadOptions } from "./upload";

interface Sending {
  path: string;
  options: UploadOptions;
  done: () => void;
  fail: () => void;
}

function setup() {
  const sendings: Sending[] = [];
  const queue = new UploadQueue(
    (_, path, file, options) =>
      new Promise<Uploaded>((resolve, reject) => {
        options.signal?.addEventListener("abort", () => reject(new Error("given up")));
        sendings.push({ path, options, done: () => resolve({ path, size: file.size, sha256: "" }), fail: () => reject(new Error("no")) });
      }),
    () => {},
  );
  return { queue, sendings, states: () => queue.items.map((i) => `${i.path} ${i.state}`) };
}
const file = (path: string, size = 10) => ({ path, file: new File(["x".repeat(size)], path) });
const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

it("waits for a task, then sends three at a time", async () => {
  const { queue, sendings, states } = setup();
  queue.add(["a", "b", "c", "d"].map((p) => file(p)));
  expect(sendings).toHaveLength(0);
  expect(queue.running).toBe(false);
  queue.begin("t");
  expect(states()).toEqual(["a sending", "b sending", "c sending", "d waiting"]);
  sendings[1]?.done();
  await settle();
  expect(states()).toEqual(["a sending", "b done", "c sending", "d sending"]);
  for (const s of sendings) s.done();
  await settle();
  expect(queue.running).toBe(false);
  expect(queue.items.every((i) => i.state === "done" && i.sent === 10)).toBe(true);
});

it("keeps going past a failure, which can be tried again", async () => {
  const { queue, sendings, states } = setup();
  queue.begin("t");
  queue.add([file("a"), file("b")]);
  sendings[0]?.fail();
  sendings[1]?.done();
  await settle();
  expect(states()).toEqual(["a failed", "b done"]);
  expect(queue.failed).toBe(1);
  queue.retry("b"); // nothing to try again
  queue.retryFailed();
  expect(states()).toEqual(["a sending", "b done"]);
  expect(queue.items[0]?.error).toBeUndefined();
  sendings[2]?.done();
  await settle();
  expect(states()).toEqual(["a done", "b done"]);
});

it("tells how far a file is, and never beyond its size", () => {
  const { queue, sendings } = setup();
  queue.begin("t");
  queue.add([file("a")]);
  sendings[0]?.options.onProgress?.(4, 10);
  expect(queue.items[0]?.sent).toBe(4);
  sendings[0]?.options.onProgress?.(400, 400); // with what surrounds the file
  expect(queue.items[0]?.sent).toBe(10);
});

it("sends a file that takes another's place after that one has ended", async () => {
  const { queue, sendings, states } = setup();
  queue.begin("t");
  queue.add([file("a", 10)]);
  queue.add([file("a", 20)]);
  expect(sendings[0]?.options.signal?.aborted).toBe(true);
  expect(states()).toEqual(["a waiting"]);
  await settle();
  expect(sendings).toHaveLength(2);
  sendings[1]?.done();
  await settle();
  expect(queue.items.map((i) => [i.state, i.sent])).toEqual([["done", 20]]);
});

it("forgets a removed file, and gives up on stop", async () => {
  const { queue, sendings, states } = setup();
  queue.begin("t");
  queue.add([file("a"), file("b")]);
  queue.remove("a");
  await settle();
  expect(states()).toEqual(["b sending"]);
  queue.stop();
  expect(sendings.every((s) => s.options.signal?.aborted)).toBe(true);
  expect(queue.running).toBe(false);
});

it("takes the last of two files of one path", () => {
  const { queue } = setup();
  queue.add([file("a", 1), file("a", 2)]);
  expect(queue.items.map((i) => i.file.size)).toEqual([2]);
});
