import { expect, test } from "vitest";
import { densityOf } from "./density";
import { lanesOf } from "./lanes";
import { densityScene, hitAt, markMiddle, pad, placeOf, row, sceneOf } from "./scene";
import { pairSpans } from "./spans";
import { clientStory, event } from "./testing";

const events = [event(0, "Interrupted", { service: "cloud_gateway" }), ...clientStory(1, "a", "E", "error"), event(5, "12", { fn: "x_time", client: "a" })];
const w = { from: 0, to: 10 };
const spans = pairSpans(events);
const lanes = lanesOf(events, spans, "client");
const scene = sceneOf(lanes, w, 1000, 0);

test("lanes lie below each other without gaps", () => {
  expect(scene.lanes.map((l) => l.name)).toEqual(["cloud", "a"]);
  expect(scene.lanes[1]?.top).toBe(scene.lanes[0]?.height);
  expect(scene.height).toBe(scene.lanes[0]!.height + scene.lanes[1]!.height);
});

test("events of spans are no marks, errors are, measurements are not drawn", () => {
  expect(scene.lanes[1]?.marks.map((m) => m.item.text)).toEqual(["Error!"]);
  expect(scene.lanes[1]?.spans.map((s) => s.span.subject)).toEqual(["requesting task", "downloading task", "client task initialization", "client", "handling error from task E"]);
});

test("what is pointed at is found, a little beside it too", () => {
  const lane = scene.lanes[1]!;
  const client = lane.spans.find((s) => s.span.subject === "client")!;
  const y = lane.top + pad + client.row * row + 4;
  expect(hitAt(scene, 180, y, 0)).toMatchObject({ kind: "span", event: { text: "Started client" } });
  expect(hitAt(scene, 203, lane.top + markMiddle(lane), 0)).toMatchObject({ kind: "mark", event: { text: "Error!" } });
  expect(hitAt(scene, 700, y, 0)).toBeNull();
  expect(hitAt(scene, 700, 10_000, 0)).toBeNull();
});

test("a short span can still be seen and hit", () => {
  const tiny = [event(1, "Started x"), event(1.000001, "Finished x")];
  const s = sceneOf(lanesOf(tiny, pairSpans(tiny), "service"), w, 1000, 0);
  expect(s.lanes[0]?.spans[0]?.width).toBe(3);
  expect(hitAt(s, 97, pad + 1, 0)?.kind).toBe("span");
});

test("spans outside the window are not laid out, those across it are", () => {
  const inside = sceneOf(lanes, { from: 1.7, to: 1.9 }, 1000, 0);
  expect(inside.lanes[1]?.spans.map((s) => s.span.subject)).toEqual(["client"]);
});

test("a chain's line finds where its events are", () => {
  const error = events.find((e) => e.text === "Error!")!;
  const at = placeOf(scene, w, lanes, error, 0)!;
  expect(at.x).toBeCloseTo(200);
  expect(hitAt(scene, at.x, at.y, 0)).toMatchObject({ event: { text: "Error!" } });
  expect(placeOf(scene, w, lanes, event(1, "elsewhere"), 0)).toBeNull();
});

test("density is bars, of which the highest is whole", () => {
  const d = densityScene(densityOf(events, w, "client", 10, 8), w, 1000, 0);
  expect(d.lanes[1]?.bars.some((b) => b.share === 1)).toBe(true);
  expect(hitAt(d, 150, d.lanes[1]!.top + 5, 0)).toMatchObject({ kind: "bar", lane: "a", count: 7 });
});
