import { expect, it } from "vitest";
import { readQuery, writeQuery } from "./query";

it.each([
  ["", ""],
  ["?state=failed&q=a%26b&order=id", "?state=failed&q=a%26b&order=id"],
  ["?state=odd&order=odd", ""],
  ["?order=newest&more=1", ""],
])("%s becomes %s", (search, want) => expect(writeQuery(readQuery(search))).toBe(want));
