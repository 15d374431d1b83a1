import { expect, test } from "vitest";
import { endOf, pairSpans, runningAt, stackSpans, withEnds } from "./spans";
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

test("the process of a task whose end was dealt with has ended, also when it said nothing", () => {
  const own = { client: "a", service: "task_client", fn: "main", task: "E" };
  const manager = { client: "a", service: "service_client_ml", fn: "handle_error_from_task", task: "E" };
  expect(told([event(1, "Started client", own), event(2, "Started handling error from task other", manager), event(3, "Started handling error from task E", manager)])).toContain("client 1-3 failed");
});

test("processes that run into a window are known by what was before it", () => {
  const server = (task: string) => ({ service: "task_server", fn: "main", task });
  const before = [event(1, "Started server", server("over")), event(2, "Finished server", server("over")), event(3, "Started server", server("long")), event(4, "Started server", server("ends")), event(5, "Started work")];
  const after = [event(11, "Finished server", server("ends"))];
  expect(runningAt(10, before, after).map((e) => e.task)).toEqual(["long", "ends"]);
});

test("a process that said nothing at its end ended when its execution did", () => {
  const own = (execution: string) => ({ service: "task_client", fn: "main", client: execution, execution });
  const spans = withEnds(
    pairSpans([event(1, "Started client", own("ended")), event(2, "Started client", own("runs")), event(3, "Started client", own("unknown"))]),
    new Map([["ended", 9], ["runs", null]]),
  );
  expect(spans.map((s) => [s.until, endOf(s)])).toEqual([[9, 9], [null, Infinity], [undefined, Infinity]]);
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
