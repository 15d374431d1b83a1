import { expect, test } from "vitest";
import { cluster, thinLine } from "./thin";

test("items on the same pixels are one mark, the heaviest shown", () => {
  const items = [{ x: 0, w: 0 }, { x: 1, w: 5 }, { x: 2, w: 1 }, { x: 10, w: 0 }];
  expect(cluster(items, (i) => i.x, 4, (i) => i.w)).toEqual([
    { x: 1, item: items[1], count: 3 },
    { x: 10, item: items[3], count: 1 },
  ]);
});

test("a run of near items does not become one endless mark", () => {
  const items = Array.from({ length: 100 }, (_, i) => i);
  expect(cluster(items, (i) => i, 4, () => 0)).toHaveLength(25);
});

test("a thinned line keeps its first, last and peaks", () => {
  const points = Array.from({ length: 10_000 }, (_, x) => ({ x, y: Math.sin(x / 50) as number | null }));
  points[4321] = { x: 4321, y: 9 };
  points[1234] = { x: 1234, y: -9 };
  points[77] = { x: 77, y: null };
  const thin = thinLine(points, (p) => p.y, 400);
  expect(thin.length).toBeLessThanOrEqual(400);
  expect(thin[0]?.x).toBe(0);
  expect(thin.at(-1)?.x).toBe(9999);
  expect(thin.some((p) => p.y === 9) && thin.some((p) => p.y === -9)).toBe(true);
  expect(thin.every((p, i) => i === 0 || thin[i - 1]!.x < p.x)).toBe(true);
});

test("a short line stays as it is", () => {
  const points = [{ x: 0, y: 1 }, { x: 1, y: null }];
  expect(thinLine(points, (p) => p.y, 100)).toEqual(points);
});
