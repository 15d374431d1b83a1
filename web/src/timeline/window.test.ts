import { expect, test } from "vitest";
import { axis, moment, step, timeOfDay } from "./ticks";
import { around, narrowest, onKey, pan, span, widest, zoom } from "./window";

const w = { from: 100, to: 200 };

test("zoom keeps the place that it is about", () => {
  expect(zoom(w, 0.5, 0)).toEqual({ from: 100, to: 150 });
  expect(zoom(w, 2, 1)).toEqual({ from: 0, to: 200 });
  const at = zoom(w, 0.1, 0.3);
  expect(at.from + span(at) * 0.3).toBeCloseTo(130);
});

test("zoom has ends", () => {
  expect(span(zoom(w, 1e-12))).toBeCloseTo(narrowest, 9);
  expect(span(zoom(w, 1e12))).toBeCloseTo(widest, 3);
});

test("keys move and zoom; Home shows everything; others are not ours", () => {
  expect(onKey(w, "ArrowRight", null)).toEqual(pan(w, 0.15));
  expect(span(onKey(w, "+", null)!)).toBeLessThan(100);
  expect(span(onKey(w, "-", null)!)).toBeGreaterThan(100);
  expect(onKey(w, "Home", { from: 0, to: 1 })).toEqual({ from: 0, to: 1 });
  expect(onKey(w, "a", null)).toBeNull();
});

test("one moment gets a second around it", () => {
  expect(around(10, 10)).toEqual({ from: 9.5, to: 10.5 });
  expect(around(0, 100, 0.1)).toEqual({ from: -10, to: 110 });
});

test.each([
  [10, 10, 1],
  [100, 10, 10],
  [130, 10, 15],
  [86400, 8, 10800],
  [1, 10, 0.1],
  [0.003, 10, 0.0005],
  [0.0001, 7, 0.00002],
])("%f seconds with at most %i ticks: one every %f", (width, most, want) => {
  expect(step(width, most)).toBeCloseTo(want, 9);
});

test("ticks are as many as asked for, even, and labelled differently", () => {
  for (const width of [0.0001, 0.0123, 0.5, 1, 7, 90, 4000, 50_000, 400_000, 10_000_000, 30_000_000]) {
    const from = 1795318950.4301217;
    const { ticks, context } = axis({ from, to: from + width }, 8);
    expect(ticks.length, `${width}`).toBeGreaterThan(1);
    expect(ticks.length, `${width}`).toBeLessThanOrEqual(9);
    expect(new Set(ticks.map((t) => t.label)).size, `${width}: ${ticks.map((t) => t.label)}`).toBe(ticks.length);
    expect(context).toMatch(/^20\d\d-\d\d-\d\d/);
  }
});

test("a moment never rounds up into a second that it is not in", () => {
  expect(timeOfDay(59.9999, 3).slice(-6)).toBe("59.999");
  expect(moment(0, 0)).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
});
