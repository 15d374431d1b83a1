import { expect, it } from "vitest";
import { destination } from "./keys";

it.each([
  ["", "n", "/tasks/new"],
  ["g", "t", "/tasks"],
  ["g", "o", "/"],
  ["g", "a", "/access"],
  ["", "t", undefined],
  ["x", "t", undefined],
  ["g", "n", undefined],
  ["", "/", undefined],
])("%s %s leads to %s", (before, key, want) => expect(destination(before, key)).toBe(want));
