import { expect, test } from "vitest";
import { chartData } from "./series";
import { assignPlaces, lineColor, palette } from "./theme";

test("lines have colours of their own until the palette ends; the aggregate's is never theirs", () => {
  const colours = Array.from({ length: palette }, (_, i) => lineColor(i));
  expect(new Set(colours).size).toBe(palette);
  expect(lineColor(palette)).toBe(colours[0]);
  expect(colours).not.toContain(lineColor(-1));
});

test("a line keeps its place; a new one takes the lowest that is free", () => {
  const first = assignPlaces(new Map(), ["a", "b", "c"]);
  expect([...first]).toEqual([["a", 0], ["b", 1], ["c", 2]]);
  const then = assignPlaces(first, ["d", "c", "a", "e"]);
  expect(Object.fromEntries(then)).toEqual({ a: 0, c: 2, d: 1, e: 3 });
});

test("300 clients with 300 rounds are put on a chart within a moment", () => {
  const series = Array.from({ length: 300 }, (_, c) => ({
    task: "t", execution: "", client: `c${c}`, side: "client" as const, thinned: true,
    points: Array.from({ length: 300 }, (_, x) => ({ round: `${x}`, x, time: x, acc: x / 300, loss: null })),
  }));
  const began = performance.now();
  expect(chartData(series, "acc", { mode: "best", lines: 8, picked: [] }).band?.high).toHaveLength(300);
  expect(performance.now() - began).toBeLessThan(1000);
});
