import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { check, type Schema } from "./schema";

// The schema that the service itself checks by.
const file = new URL("../../../pkg/contract/schemas/rpc_exec_create_task.json", import.meta.url);
const schema = JSON.parse(readFileSync(file, "utf8")) as Schema;
const good = { task_id: "a", host: "h", port: 8080, username: "u", password: "p", files_paths: ["client.py"] };

describe("check", () => {
  it("lets a good request through", () => {
    expect(check(schema, good)).toEqual({});
    expect(check(schema, { ...good, tags: [], selection_criteria: "x > 1", client_arguments: "", server_arguments: "" })).toEqual({});
  });

  it.each([
    ["a task id that is empty", { task_id: "" }, "task_id", "This is needed."],
    ["a task id with a blank", { task_id: "a b" }, "task_id", "No blanks."],
    ["a task id that is too long", { task_id: "a".repeat(129) }, "task_id", "No blanks."],
    ["a port that is none", { port: NaN }, "port", "This is to be a number."],
    ["a port with a fraction", { port: 1.5 }, "port", "This is to be a whole number."],
    ["a port too high", { port: 65536 }, "port", "Between 0 and 65535."],
    ["a port below", { port: -1 }, "port", "Between 0 and 65535."],
    ["criteria too long", { selection_criteria: "x".repeat(4097) }, "selection_criteria", "At most 4096 characters are possible; these are 4097."],
    ["too many tags", { tags: Array.from({ length: 1001 }, (_, i) => `t${i}`) }, "tags", "At most 1000 are possible; these are 1001."],
    ["a tag that is no text", { tags: [1] }, "tags", "1: This is to be a text."],
    ["a list that is none", { files_paths: "a" }, "files_paths", "This is to be a list."],
    ["a host that is missing", { host: undefined }, "host", "This is needed."],
    ["something unknown", { colour: "red" }, "colour", "The cloud does not know this."],
  ])("finds %s", (_, change, field, message) => {
    expect(check(schema, { ...good, ...change }, { task_id: "No blanks." })).toEqual({ [field]: message });
  });

  it("counts characters as the schema does", () => {
    expect(check({ properties: { a: { type: "string", maxLength: 2 } } }, { a: "😀😀" })).toEqual({});
  });

  it("knows all keywords of the schemas that forms use", () => {
    const known = ["$schema", "title", "description", "type", "properties", "required", "additionalProperties", "items", "pattern", "minimum", "maximum", "minLength", "maxLength", "maxItems"];
    const walk = (s: Record<string, unknown>) => {
      for (const [key, value] of Object.entries(s)) {
        expect(known).toContain(key);
        if (key === "properties") Object.values(value as object).forEach((v) => walk(v as Record<string, unknown>));
        if (key === "items") walk(value as Record<string, unknown>);
      }
    };
    for (const name of ["create", "update"]) {
      walk(JSON.parse(readFileSync(new URL(`rpc_exec_${name}_task.json`, file), "utf8")) as Record<string, unknown>);
    }
  });
});
