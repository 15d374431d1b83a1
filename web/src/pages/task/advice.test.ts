import { expect, test } from "vitest";
import { advice, ending } from "./advice";

test.each([
  [{ exit_code: 0 }, "exit 0"],
  [{ exit_code: 75 }, "exit 75"],
  [{ signal: 9 }, "SIGKILL"],
  [{ signal: 64 }, "signal 64"],
  [{ exit_code: null, signal: null }, ""],
  [{}, ""],
])("%j ended with %s", (run, want) => expect(ending(run)).toBe(want));

test("advice fits the reason; an unknown one still says what to do", () => {
  expect(advice("report_error")).toMatch(/upload the files again/);
  expect(advice("exit_nonzero", { exit_code: 127 })).toMatch(/not found/);
  expect(advice("signaled", { signal: 9 })).toMatch(/memory/);
  expect(advice("anything")).toMatch(/last lines/);
});
