import { expect, test } from "vitest";
import { reasonText } from "./reasons";

test.each([
  ["operator_stop", "An operator stopped it."],
  ["stalled", "It made no progress for too long."],
  ["moonlight", "moonlight"],
  ["toString", "toString"],
  ["", ""],
])("reason %s reads %s", (code, want) => expect(reasonText(code)).toBe(want));
