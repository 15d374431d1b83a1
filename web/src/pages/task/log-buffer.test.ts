import { expect, test } from "vitest";
import { addLines, cut, find, groups } from "./log-buffer";

test("lines are numbered on, and the oldest go", () => {
  const five = addLines([], ["a", "b", "c", "d", "e"], 4);
  expect(five.map((l) => `${l.n}${l.text}`)).toEqual(["2b", "3c", "4d", "5e"]);
  expect(addLines(five, ["f"], 4).map((l) => l.n)).toEqual([3, 4, 5, 6]);
  expect(addLines(five, [], 4)).toEqual(five);
});

test("a search finds lines whatever the case, and nothing for nothing", () => {
  const lines = addLines([], ["Error: x", "fine", "an ERROR"]);
  expect(find(lines, "error")).toEqual([1, 3]);
  expect(find(lines, "")).toEqual([]);
});

test.each([
  ["an ERROR error.", "error", ["an ", "ERROR", " ", "error", "."]],
  ["error", "error", ["", "error", ""]],
  ["none", "error", ["none"]],
  ["aaa", "aa", ["", "aa", "a"]],
  ["x", "", ["x"]],
])("%j cut at %j", (line, text, want) => {
  expect(cut(line, text)).toEqual(want);
  expect(cut(line, text).join("")).toBe(line);
});

test("groups keep their bounds when old lines go", () => {
  const lines = addLines([], Array.from({ length: 25 }, (_, i) => `${i}`));
  expect(groups(lines, 10).map((g) => [g.first, g.lines.length])).toEqual([[0, 9], [10, 10], [20, 6]]);
  expect(groups(lines.slice(5), 10).map((g) => [g.first, g.lines.length])).toEqual([[0, 4], [10, 10], [20, 6]]);
});
