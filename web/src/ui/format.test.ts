import { describe, expect, it } from "vitest";
import { ago, bytes, clock, contractDate, count, duration, figure, moment, plural, shortCount } from "./format";

describe("bytes", () => {
  it.each([[0, "0 B"], [999, "999 B"], [1000, "1.0 kB"], [99_949, "99.9 kB"], [123_456, "123 kB"], [999_499, "999 kB"], [999_500, "1.0 MB"], [1.5e9, "1.5 GB"], [5e15, "5000 TB"]])("%d", (n, want) => expect(bytes(n)).toBe(want));
});

describe("duration", () => {
  it.each([
    [-1, "0 ms"], [0.0123, "12 ms"], [0.9996, "1.0 s"], [1.24, "1.2 s"], [9.96, "10 s"], [59.94, "60 s"], [59.96, "1 min"],
    [61, "1 min 1 s"], [3600, "1 h"], [3661, "1 h 1 min"], [86_400, "1 d"], [93_600, "1 d 2 h"],
  ])("%d s", (s, want) => expect(duration(s)).toBe(want));
});

describe("ago", () => {
  it.each([[0, "never"], [1000, "just now"], [998, "2 s ago"], [941, "59 s ago"], [940, "1 min ago"], [1010, "in 10 s"]])("%d at 1000", (at, want) => expect(ago(at, 1000)).toBe(want));
  it("goes to hours and days", () => {
    expect(ago(1, 7201)).toBe("2 h ago");
    expect(ago(1, 200_000)).toBe("2 d ago");
  });
});

describe("figure", () => {
  it.each([["0.912345", "0.9123"], ["3", "3"], ["", ""], ["no loss", "no loss"], ["1e-9", "1e-9"], ["NaN", "NaN"], ["12345.678", "12350"]])("%s", (text, want) => expect(figure(text)).toBe(want));
});

it("writes counts", () => {
  expect(count(1234567)).toBe("1,234,567");
  expect(shortCount(12_345)).toBe("12.3K");
  expect([plural(1, "task"), plural(0, "task"), plural(2, "file is", "files are")]).toEqual(["1 task", "0 tasks", "2 files are"]);
});

it("writes times of the browser's zone", () => {
  const at = new Date(2025, 10, 22, 5, 41, 7, 89).getTime() / 1000;
  expect(moment(at)).toBe("22 Nov 2025, 05:41:07");
  expect(clock(at)).toBe("05:41:07.089");
  expect(contractDate("2025-11-22 05:41:07")).toBe(Math.floor(at));
  expect(contractDate("soon")).toBe(0);
});
