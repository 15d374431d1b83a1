import { expect, test } from "vitest";
import { pairSpans, stackSpans } from "./spans";
import { clientStory, event } from "./testing";

const told = (events: Parameters<typeof pairSpans>[0]) =>
  pairSpans(events).map((s) => `${s.subject} ${s.start.time}-${s.end?.time ?? "…"}${s.failed ? " failed" : ""}`);

test("a start is paired with the end of the same client, service, function and subject", () => {
  expect(
    told([
      event(1, "Started downloading task", { client: "a" }),
      event(2, "Started downloading task", { client: "b" }),
      event(3, "Finished downloading task", { client: "b" }),
      event(4, "Finish downloading task", { client: "a" }),
      event(5, "Finished downloading task", { client: "c" }),
      event(6, "Started"),
    ]),
  ).toEqual(["downloading task 1-4", "downloading task 2-3"]);
});

test("of several open starts the trace decides, then the oldest", () => {
  expect(
    told([
      event(1, "Started work", { trace: "x" }),
      event(2, "Started work", { trace: "y" }),
      event(3, "Finished work", { trace: "y" }),
      event(4, "Finished work", { trace: "x" }),
      event(5, "Started work"),
      event(6, "Started work"),
      event(7, "Finished work"),
    ]),
  ).toEqual(["work 1-4", "work 2-3", "work 5-7"]);
});

test("calls of different traces or tasks are not paired", () => {
  expect(told([event(1, "Started work", { trace: "x" }), event(2, "Finished work", { trace: "y" })])).toEqual([]);
  expect(told([event(1, "Started work", { task: "x" }), event(2, "Finished work", { task: "y" })])).toEqual([]);
  expect(told([event(1, "Started work", { execution: "x" }), event(2, "Finished work", { execution: "y" })])).toEqual([]);
});

test("Failed, Ended and Error! end a span as failed", () => {
  expect(told([event(1, "Started requesting task"), event(2, "Failed requesting task")])).toEqual(["requesting task 1-2 failed"]);
  expect(told([event(1, "Started server", { fn: "main" }), event(2, "Ended server", { fn: "main" })])).toEqual(["server 1-2 failed"]);
  expect(told(clientStory(0, "a", "E", "error"))).toContain("client 0.6-1 failed");
});

test("a process that has not ended is an open span, a call that has not is none", () => {
  expect(told([event(1, "Started client", { service: "task_client", fn: "main" }), event(2, "Started work")])).toEqual(["client 1-…"]);
});

test("spans that overlap lie on rows of their own, up to a bound", () => {
  const spans = pairSpans([
    event(1, "Started a"), event(2, "Started b"), event(3, "Finished a"), event(4, "Started c"),
    event(5, "Finished c"), event(6, "Finished b"), event(6.5, "Started d"), event(7, "Finished d"),
  ]);
  expect(spans.map((s) => s.subject)).toEqual(["a", "b", "c", "d"]);
  expect(stackSpans(spans, 4)).toEqual([0, 1, 0, 0]);
  expect(stackSpans(spans, 1)).toEqual([0, 0, 0, 0]);
});
