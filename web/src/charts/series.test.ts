import { expect, test } from "vitest";
import type { Entry, Series } from "../api/types";
import { addRounds, chartData, keep, number, type Choice } from "./series";

const series = (client: string, accs: (number | null)[], side: "server" | "client" = "client"): Series => ({
  task: "t", execution: `x-${client}`, client, side, thinned: false,
  points: accs.map((acc, i) => ({ round: `${i + 1}`, x: i + 1, time: i, acc, loss: acc === null ? null : 1 - acc })),
});
const best = (lines: number, picked: string[] = []): Choice => ({ mode: "best", lines, picked });

test("lines share x values; the aggregate is first; clients are in order of name", () => {
  const d = chartData([series("c10", [0.1, 0.2]), series("c2", [0.3]), series("", [0.5, 0.6, 0.7], "server")], "acc", best(8));
  expect(d.xs).toEqual([1, 2, 3]);
  expect(d.lines.map((l) => [l.name, l.last])).toEqual([["Aggregate", 0.7], ["c2", 0.3], ["c10", 0.2]]);
  expect(d.lines[1]?.ys).toEqual([0.3, null, null]);
  expect(d.band).toBeNull();
});

test("of many clients the best, those picked, and a band over all", () => {
  const many = Array.from({ length: 300 }, (_, i) => series(`c${i}`, [i / 1000, i / 500]));
  const d = chartData(many, "acc", best(3, ["c5"]));
  expect(d.lines.map((l) => l.name)).toEqual(["c5", "c297", "c298", "c299"]);
  expect(d.band).toEqual({ low: [0, 0], high: [0.299, 0.598] });
  expect(d.clients).toBe(300);
});

test("for loss the best is the lowest; worst turns it round", () => {
  const list = [series("a", [0.9]), series("b", [0.1])];
  expect(chartData(list, "loss", best(1)).lines.map((l) => l.name)).toEqual(["a"]);
  expect(chartData(list, "loss", { ...best(1), mode: "worst" }).lines.map((l) => l.name)).toEqual(["b"]);
});

test("a series without values of the measure is not there", () => {
  expect(chartData([series("a", [null, null])], "acc", best(8))).toEqual({ xs: [], lines: [], band: null, clients: 0 });
});

const round = (n: number, more: Partial<Entry> = {}, acc = `${n / 10}`): Entry => ({
  seq: n, id: `r${n}`, kind: "round", time: 100 + n, client: "a", task: "t", execution: "x-a", round: { side: "client", round: `${n}`, acc }, ...more,
});

test("rounds that happen are added once, in order; what is given is not changed", () => {
  const before = [series("a", [0.1])];
  const after = addRounds(before, [round(3), round(2), round(3)]);
  expect(after[0]?.points?.map((p) => [p.x, p.acc])).toEqual([[1, 0.1], [2, 0.2], [3, 0.3]]);
  expect(before[0]?.points).toHaveLength(1);
});

test("a new execution begins anew; a late word of an old one is left out", () => {
  const after = addRounds([series("a", [0.1, 0.2])], [round(1, { execution: "new", time: 500 }), round(9)]);
  expect(after).toHaveLength(1);
  expect(after[0]).toMatchObject({ execution: "new", points: [{ x: 1 }] });
});

test("text for accuracy is kept as text", () => {
  const [s] = addRounds([], [round(1, {}, "n/a")]);
  expect(s?.points?.[0]).toMatchObject({ acc: null, acc_text: "n/a" });
});

test("a series that grows for long is thinned and keeps its newest point", () => {
  const entries = Array.from({ length: keep + 10 }, (_, i) => round(i));
  const points = addRounds([], entries)[0]?.points ?? [];
  expect(points.length).toBeLessThanOrEqual(keep);
  expect(points.at(-1)?.x).toBe(keep + 9);
});

test.each<[string, number | null]>([["0.93", 0.93], [" 1e-3 ", 0.001], ["tensor(0.93)", 0.93], ["93%", 0.93], ["0,93", 0.93], ["Round 3", 3], ["n/a", null], ["", null], ["NaN", null], ["v1.2.3x", null]])("the number in %j is %s", (text, want) => {
  expect(number(text)).toBe(want);
});
