import { expect, it } from "vitest";
import { idIn } from "./path";

it.each(["a", "a/b", "ü x", "50%", "a%2Fb", "a+b", "a?b#c"])("finds %s", (id) => {
  expect(idIn(`/clients/${encodeURIComponent(id)}`)).toBe(id);
  expect(idIn(`/tasks/${encodeURIComponent(id)}/logs`)).toBe(id);
});

it("takes a broken escape as it is", () => {
  expect(idIn("/clients/%")).toBe("%");
  expect(idIn("/clients")).toBe("");
});
