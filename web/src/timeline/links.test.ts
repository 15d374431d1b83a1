import { expect, test } from "vitest";
import { chainOf, longest } from "./chain";
import { linkEvents } from "./links";
import { pairSpans } from "./spans";
import { clientStory, event } from "./testing";
import type { TimelineEvent } from "./model";

const told = (events: TimelineEvent[]) => linkEvents(events).map((l) => `${l.from.text} -> ${l.to.text}`);
const sorted = (...lists: TimelineEvent[][]) => lists.flat().sort((a, b) => a.time - b.time);

test("a client that fails over: from the error to the next task's process", () => {
  expect(told([...clientStory(0, "a", "E", "error"), ...clientStory(2, "a", "C", "finished")])).toEqual([
    "Started requesting task -> Started downloading task",
    "Started downloading task -> Started client task initialization",
    "Started client task initialization -> Started client",
    "Error! -> Started handling error from task E",
    "Finished handling error from task E -> Started requesting task",
    "Started requesting task -> Started downloading task",
    "Started downloading task -> Started client task initialization",
    "Started client task initialization -> Started client",
    "Finished client -> Started handling task C finalization",
  ]);
});

test("what other clients do at the same time is no effect", () => {
  const links = linkEvents(sorted(clientStory(0, "a", "E", "error"), clientStory(0.05, "b", "E", "error"), clientStory(2, "a", "C", "finished")));
  expect(links.filter((l) => l.from.client !== l.to.client)).toEqual([]);
});

test("a task's server leads to the first download of each client, again after a restart", () => {
  const up = (time: number) => event(time, "Finished server task initialization", { task: "C", service: "service_cloud_ml" });
  const links = linkEvents(sorted([up(0)], clientStory(1, "a", "C", "finished"), clientStory(3, "b", "C", "finished"), clientStory(5, "a", "C", "finished"), clientStory(5.5, "a", "X", "finished"), [up(8)], clientStory(9, "a", "C", "finished")));
  expect(links.filter((l) => l.from.text.includes("server task")).map((l) => [l.from.time, l.to.client, l.to.time])).toEqual([
    [0, "a", 1.2],
    [0, "b", 3.2],
    [8, "a", 9.2],
  ]);
});

test("a server's failure stops clients of its task, for a while", () => {
  const down = event(0, "Ended server", { task: "low", service: "task_server", fn: "main" });
  const stop = (time: number, task: string, client: string) => event(time, `Started handling error from task ${task}`, { client });
  const links = linkEvents([down, stop(1, "low", "a"), stop(2, "other", "b"), stop(100, "low", "c")]);
  expect(links.map((l) => [l.from.text, l.to.client])).toEqual([["Ended server", "a"]]);
});

test("events of a trace follow each other", () => {
  const links = linkEvents([event(1, "one", { trace: "t" }), event(2, "other", { trace: "u" }), event(3, "two", { trace: "t" }), event(4, "three", { trace: "t" })]);
  expect(links.map((l) => `${l.from.text} -> ${l.to.text}`)).toEqual(["one -> two", "two -> three"]);
});

test("a rule is told rather than the trace that says the same; measurements lead to nothing", () => {
  const links = linkEvents([
    event(1, "Started requesting task", { trace: "t" }),
    event(2, "3000", { trace: "t", fn: "request_task_time" }),
    event(3, "Started downloading task", { trace: "t" }),
  ]);
  expect(links.map((l) => [l.to.time, l.why])).toEqual([[3, "the client was offered the task"]]);
});

test("links need no client or task, as in files of experiments", () => {
  const story = [...clientStory(0, "", "", "error"), ...clientStory(2, "", "", "finished")].map((e) =>
    e.text.includes("error from task") ? { ...e, text: e.text.replace(/task .*$/, "task E") } : e,
  );
  expect(told(story)).toContain("Finished handling error from task E -> Started requesting task");
});

test("a chain holds causes and effects with the times between", () => {
  const events = [...clientStory(0, "a", "E", "error"), ...clientStory(2, "a", "C", "finished")];
  const selected = events.find((e) => e.text === "Error!")!;
  const steps = chainOf(selected, linkEvents(events), pairSpans(events));
  const texts = steps.map((s) => s.event.text);
  expect(texts[0]).toBe("Started requesting task"); // the cause of the cause
  expect(texts.at(-1)).toBe("Finished handling task C finalization");
  const handled = steps.find((s) => s.event.text === "Finished handling error from task E")!;
  expect(handled.after).toBeCloseTo(0.1);
  expect(handled.from).toBeCloseTo(0.2);
  expect(handled.why).toBe("handling error from task E ends");
  expect(steps.find((s) => s.event.text === "Started handling error from task E")).toMatchObject({ why: "the task's error is handled", causes: [selected] });
  expect(steps[0]).toMatchObject({ after: 0, why: "", causes: [] });
});

test("a chain leaves out the other effects of its causes", () => {
  const up = event(0, "Finished server task initialization", { task: "C", service: "service_cloud_ml" });
  const events = sorted([up], clientStory(1, "a", "C", "finished"), clientStory(1.05, "b", "C", "finished"));
  const ofA = events.find((e) => e.text === "Started client" && e.client === "a")!;
  const chain = chainOf(ofA, linkEvents(events), pairSpans(events));
  expect(chain.some((s) => s.event === up)).toBe(true);
  expect(chain.some((s) => s.event.client === "b")).toBe(false);
});

test("a chain is bounded", () => {
  const events = Array.from({ length: 1000 }, (_, i) => event(i, `e${i}`, { trace: "t" }));
  const chain = chainOf(events[500]!, linkEvents(events), []);
  expect(chain).toHaveLength(longest);
});
