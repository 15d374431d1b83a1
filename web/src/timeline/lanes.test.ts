import { expect, test } from "vitest";
import { densityOf } from "./density";
import { matches, noFilter } from "./filter";
import { lanesOf } from "./lanes";
import { firstAt, fromEntry, mergeEvents } from "./model";
import { pairSpans } from "./spans";
import { clientStory, event } from "./testing";
import { duration, label, measured, tone } from "./texts";

const events = [
  event(0, "Started", { service: "service_cloud_ml" }),
  event(0.5, "Started", { service: "Operator" }),
  ...clientStory(1, "car-10", "C", "finished"),
  ...clientStory(3, "car-2", "C", "finished"),
];

test("lanes by service, client and both, the cloud first, numbers in order", () => {
  const names = (by: "service" | "client" | "both") => lanesOf(events, [], by).map((l) => l.name);
  expect(names("service")).toEqual(["operator", "cloud task manager", "client task manager", "task client"]);
  expect(names("client")).toEqual(["cloud", "car-2", "car-10"]);
  expect(names("both")).toEqual([
    "cloud · operator", "cloud · cloud task manager",
    "car-2 · client task manager", "car-2 · task client", "car-10 · client task manager", "car-10 · task client",
  ]);
});

test("events of files that name no client are the clients' by their service", () => {
  expect(lanesOf([event(0, "x", { service: "task_client" }), event(0, "y", { service: "own" })], [], "client").map((l) => l.name)).toEqual(["cloud", "clients"]);
});

test("spans lie on the lane of their start", () => {
  const lanes = lanesOf(events, pairSpans(events), "client");
  expect(lanes.map((l) => l.spans.length)).toEqual([0, 5, 5]);
});

test("density counts each event once and keeps the busiest lanes", () => {
  const d = densityOf(events, { from: 0, to: 10 }, "client", 10, 2);
  expect(d.total).toBe(events.length);
  expect(d.other_lanes).toBe(1);
  expect(d.lanes.map((l) => l.name)).toEqual(["car-2", "car-10"]);
  expect(d.lanes[0]?.counts.reduce((a, b) => a + b)).toBe(d.lanes[0]?.total);
});

test("a million events are counted within a moment", () => {
  const many = Array.from({ length: 1_000_000 }, (_, i) => ({ ...events[0]!, key: "", time: i, client: `c${i % 500}` }));
  const began = performance.now();
  expect(densityOf(many, { from: 0, to: 1_000_000 }, "client", 240, 200)).toMatchObject({ total: 1_000_000, other_lanes: 300 });
  expect(performance.now() - began).toBeLessThan(3000);
});

test("merging keeps order and drops what is known", () => {
  const [a, b, c] = [event(1, "a"), event(2, "b"), event(3, "c")];
  expect(mergeEvents([a!, c!], [b!, a!])).toEqual([a, b, c]);
  expect(mergeEvents([a!, b!], [c!])).toEqual([a, b, c]);
  const same = [a!];
  expect(mergeEvents(same, [a!])).toBe(same);
});

test("firstAt finds the place of a time", () => {
  const list = [event(1, ""), event(2, ""), event(2, ""), event(3, "")];
  expect([0, 1, 2, 2.5, 3, 4].map((t) => firstAt(list, t))).toEqual([0, 0, 1, 3, 3, 4]);
});

test("an entry of another kind is no event", () => {
  expect(fromEntry({ id: "i", time: 1 })).toBeNull();
  expect(fromEntry({ id: "", seq: 7, time: 1, event: { service: "s", function: "f", event: "e" } })).toMatchObject({ key: "seq-7", text: "e", client: "" });
});

test("filters at hand mean what they mean to the API", () => {
  const e = event(1, "Finished handling task C finalization", { client: "a", service: "s" });
  expect(matches(noFilter, e)).toBe(true);
  expect(matches({ ...noFilter, task: "C", client: "a", text: "HANDLING" }, e)).toBe(true);
  expect(matches({ ...noFilter, task: "D" }, e)).toBe(false);
  expect(matches({ ...noFilter, service: "other" }, e)).toBe(false);
});

test("measurements are told in words", () => {
  const e = event(1, "269753", { fn: "create_task_time" });
  expect(measured(e)).toBeCloseTo(0.000269753);
  expect(label(e)).toBe("create task took 0.27 ms");
  expect(tone(e)).toBe("measure");
  expect(label(event(1, "Round 2 accuracy 0.9366666666666666", { fn: "model" }))).toBe("Round 2 accuracy 0.9367");
  expect(measured(event(1, "12", { fn: "model" }))).toBeNull();
});

test("tones", () => {
  expect(tone(event(1, "Error!"))).toBe("error");
  expect(tone(event(1, "Started handling error from task E"))).toBe("error");
  expect(tone(event(1, "Finished client"))).toBe("good");
  expect(tone(event(1, "Started client"))).toBe("plain");
});

test.each([[0, "0 ms"], [0.00027, "0.27 ms"], [0.0246, "24.6 ms"], [0.793, "793 ms"], [5.2, "5.20 s"], [59.96, "60.0 s"], [185, "3 min 5 s"], [7300, "2 h 1 min"], [90_000, "1 d 1 h"], [-0.5, "−500 ms"]])("%f s is %s", (s, want) => {
  expect(duration(s)).toBe(want);
});
