import { expect, it } from "vitest";
import { mergePages } from "./use";

it("joins a refreshed head and an older tail, each once", () => {
  const id = (s: { id: string }) => s.id;
  const head = [{ id: "new" }, { id: "a" }, { id: "b" }];
  const tail = [{ id: "b" }, { id: "c" }];
  expect(mergePages(head, tail, id).map(id)).toEqual(["new", "a", "b", "c"]);
});
