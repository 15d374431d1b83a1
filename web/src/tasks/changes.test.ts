import { describe, expect, it } from "vitest";
import type { TaskDetail } from "../api/types";
import { changed, changeOf, differences, formOf, rebase } from "./changes";

const task = {
  ID: "a", host: "h", port: 8080, username: "u", password_set: true, selection_criteria: "", server_arguments: "--rounds 2", client_arguments: null,
} as TaskDetail;
const base = formOf(task);

describe("a change of a task", () => {
  it("is empty when nothing was changed", () => {
    expect(changeOf(base, formOf(task))).toEqual({});
  });

  it("has only what was changed, the port as a number", () => {
    expect(changeOf(base, { ...base, port: "9", password: "new" })).toEqual({ port: 9, password: "new" });
    expect(changeOf(base, { ...base, server_arguments: "" })).toEqual({ server_arguments: "" });
    expect(changeOf(base, { ...base, port: " " }).port).toBeNaN();
  });

  it("meets another one", () => {
    const latest = { ...base, host: "theirs", server_arguments: "--rounds 9" };
    const form = { ...base, server_arguments: "--rounds 5", port: "9" };
    expect(differences(base, latest, form)).toEqual([
      { field: "host", before: "h", theirs: "theirs", mine: "theirs", conflict: false },
      { field: "server_arguments", before: "--rounds 2", theirs: "--rounds 9", mine: "--rounds 5", conflict: true },
      { field: "port", before: "8080", theirs: "8080", mine: "9", conflict: false },
    ]);
    const next = rebase(base, latest, form);
    expect(next).toEqual({ ...base, host: "theirs", server_arguments: "--rounds 5", port: "9" });
    expect(changed(latest, next)).toEqual(["port", "server_arguments"]);
  });

  it("is no conflict when both made the same of it", () => {
    const both = { ...base, host: "x" };
    expect(differences(base, both, both).map((d) => d.conflict)).toEqual([false]);
  });
});
