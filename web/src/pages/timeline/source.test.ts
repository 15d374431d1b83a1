import { expect, test } from "vitest";
import { noFilter } from "../../timeline/filter";
import { event } from "../../timeline/testing";
import { fileSource, most } from "./source";

const never = new AbortController().signal;
const events = Array.from({ length: 10_000 }, (_, i) => event(i, `e${i % 2}`, { service: `s${i % 3}` }));
const source = fileSource("f", events);

test("a window with too many events is density, a smaller one events with air around", async () => {
  const wide = await source.load(noFilter, { from: 0, to: 9999 }, "service", never);
  expect(wide.events).toBeNull();
  expect(wide.density?.total).toBeGreaterThan(most);
  const near = await source.load(noFilter, { from: 1000, to: 2000 }, "service", never);
  expect(near.covers).toEqual({ from: 500, to: 2500 });
  expect([near.events?.[0]?.time, near.events?.at(-1)?.time]).toEqual([500, 2500]);
});

test("range, pages and the whole follow the filter", async () => {
  const filter = { ...noFilter, text: "e1" };
  expect(await source.range(filter, never)).toEqual({ from: 1, to: 9999, total: 5000 });
  expect(await source.range({ ...noFilter, text: "none" }, never)).toBeNull();
  const first = await source.page(filter, { from: 0, to: 20 }, { limit: 6 }, never);
  expect(first.items.map((e) => e.time)).toEqual([1, 3, 5, 7, 9, 11]);
  const second = await source.page(filter, { from: 0, to: 20 }, { limit: 6, cursor: first.next }, never);
  expect(second.items.map((e) => e.time)).toEqual([13, 15, 17, 19]);
  expect(second.next).toBeUndefined();
  const all = source.all(filter, null);
  expect(typeof all === "function" && all()).toHaveLength(5000);
});
