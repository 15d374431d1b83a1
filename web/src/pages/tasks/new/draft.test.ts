import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Schema } from "../../../tasks/schema";
import { emptyDraft, faults, fileRemark, makePassword, requestOf, sentence } from "./draft";

const schema = JSON.parse(readFileSync(new URL("../../../../../pkg/contract/schemas/rpc_exec_create_task.json", import.meta.url), "utf8")) as Schema;
const draft = { ...emptyDraft("cloud", "p"), task_id: "a" };

describe("requestOf", () => {
  it("leaves out what is empty", () => {
    expect(requestOf(draft, [])).toEqual({ task_id: "a", host: "cloud", port: 8080, username: "agata", password: "p", files_paths: [] });
  });

  it("has every field of the request", () => {
    const full = { ...draft, selection_criteria: "x", server_arguments: "s", client_arguments: "c", tags: ["t"], forClients: ["client.py", "gone.py"], otherForClients: ["later.bin", "client.py"] };
    const request = requestOf(full, ["server.py", "client.py"]);
    expect(request.files_paths).toEqual(["client.py", "later.bin"]);
    expect(Object.keys(request).sort()).toEqual(Object.keys(schema.properties ?? {}).sort());
    expect(faults(request, schema)).toEqual({});
  });
});

describe("faults", () => {
  it("finds all that an untouched form lacks", () => {
    const request = requestOf(emptyDraft("", ""), []);
    expect(Object.keys(faults(request, schema)).sort()).toEqual(["host", "password", "task_id"]);
    expect(Object.keys(faults(request, undefined)).sort()).toEqual(["host", "password", "task_id"]);
  });
  it("says what a task id may be", () => {
    expect(faults(requestOf({ ...draft, task_id: "-x" }, []), schema).task_id).toMatch(/^Letters, digits/);
  });
});

it.each([
  [[], [], ""],
  [["client.py"], ["client.py"], "There is no server.py among them: the task cannot start without one."],
  [["server.py", "client.py"], [], "client.py is not among the files for clients: clients that get the task could not run it."],
  [["server.py", "client.py"], ["client.py"], ""],
])("of %j, for clients %j", (picked, forClients, want) => expect(fileRemark(picked, forClients)).toBe(want));

it("makes a sentence of the API's fragments", () => {
  expect(sentence("The id", "is taken")).toBe("The id is taken.");
  expect(sentence("The id", "Choose another.")).toBe("Choose another.");
});

it("makes passwords that differ", () => {
  const made = Array.from({ length: 50 }, makePassword);
  expect(new Set(made).size).toBe(50);
  for (const p of made) expect(p).toMatch(/^[A-Za-z2-9]{20}$/);
});
