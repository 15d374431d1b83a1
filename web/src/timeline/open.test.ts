import { expect, test } from "vitest";
import { eventsJSON } from "./export";
import { NotOpened, openText } from "./open";
import { event } from "./testing";

test("what is exported can be opened again, sorted", () => {
  const text = eventsJSON([event(2, "b"), event(1, `a "quoted"`, { service: "x", fn: "y" })]);
  const opened = openText("events.json", text);
  if (opened.kind !== "events") throw new Error("no events");
  expect(opened.events.map((e) => [e.time, e.service, e.fn, e.text])).toEqual([[1, "x", "y", `a "quoted"`], [2, "s", "f", "b"]]);
  expect(JSON.parse(text)).toEqual([
    { time: 1, service: "x", function: "y", event: `a "quoted"` },
    { time: 2, service: "s", function: "f", event: "b" },
  ]);
});

test("an empty timeline is one", () => {
  expect(openText("e.json", eventsJSON([]))).toMatchObject({ kind: "events", events: [] });
});

test("a page of the API keeps client, task and trace", () => {
  const opened = openText("page.json", JSON.stringify({ events: [{ seq: 1, id: "i", kind: "event", time: 3, client: "c", task: "t", trace: "x", event: { time: 3, service: "s", function: "f", event: "e" } }] }));
  expect(opened).toMatchObject({ kind: "events", events: [{ time: 3, client: "c", task: "t", trace: "x", text: "e" }] });
});

test("a report of an experiment", () => {
  const opened = openText("r.json", `{"experiment": 2, "figures": [{"figure": "3) handling the error", "runs": 10, "mean_seconds": 0.0163, "ci95_seconds": 0.0027, "original_seconds": [0.75, 0.82], "times_faster": 46}, {"figure": "x", "runs": 1, "mean_seconds": 1}]}`);
  expect(opened).toEqual({
    kind: "report", name: "r.json", experiment: 2,
    rows: [
      { figure: "3) handling the error", runs: 10, mean: 0.0163, ci: 0.0027, original: [0.75, 0.82], timesFaster: 46 },
      { figure: "x", runs: 1, mean: 1, ci: null, original: null, timesFaster: null },
    ],
  });
});

test("raw times of several runs are averaged", () => {
  const opened = openText("exp1_raw_times", "---- RESULTS ----\n1) registering = 0.5 seconds\n2) x = Not found seconds\n---- RESULTS ----\n1) registering = 1.5 seconds\n2) x = 2 seconds\n");
  expect(opened).toMatchObject({ kind: "report", experiment: 1, rows: [{ figure: "1) registering", runs: 2, mean: 1 }, { figure: "2) x", runs: 1, mean: 2 }] });
});

test.each([
  ["", /is empty/],
  ["hello", /is not JSON/],
  ["42", /neither an array of events nor a report/],
  [`{"a": 1}`, /neither an array of events nor a report/],
  [`[{"time": "1", "service": "s", "function": "f", "event": "e"}]`, /item 1 has no number "time"/],
  [`[{"time": 1, "service": "s", "function": "f", "event": "e"}, {"time": 1, "service": "s", "event": "e"}]`, /item 2 has no text "function"/],
  [`[1]`, /item 1 is no event but 1/],
  [`{"figures": [{"mean_seconds": 1}]}`, /figure 1 has no name/],
  ["---- RESULTS ----\n", /has no figures/],
])("%j is refused and says why", (text, why) => {
  expect(() => openText("bad.json", text)).toThrow(NotOpened);
  expect(() => openText("bad.json", text)).toThrow(why);
  expect(() => openText("bad.json", text)).toThrow(/Expected is an events.json/);
});
