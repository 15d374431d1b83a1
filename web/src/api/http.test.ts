import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError, errorText, isAbort, newKey, problem, request, url } from "./http";

afterEach(() => vi.unstubAllGlobals());

const answer = (status: number, body: string, headers: Record<string, string> = {}) =>
  vi.stubGlobal("fetch", vi.fn(async () => new Response(status === 204 ? null : body, { status, headers })));

describe("request", () => {
  it("gives data, etag and location", async () => {
    answer(201, '{"ID":"a"}', { ETag: '"1"', Location: "/api/v1/tasks/a" });
    const reply = await request<{ ID: string }>("POST", "/x", { body: { a: 1 }, idempotencyKey: "k", query: { q: "b c", none: undefined, empty: "" } });
    expect(reply).toEqual({ data: { ID: "a" }, status: 201, etag: '"1"', location: "/api/v1/tasks/a" });
    const [address, init] = vi.mocked(fetch).mock.calls[0] as [string, RequestInit];
    expect(address).toBe("/x?q=b+c");
    expect(init.body).toBe('{"a":1}');
    expect(init.headers).toMatchObject({ "Content-Type": "application/json", "Idempotency-Key": "k" });
  });

  it("takes an answer without a body", async () => {
    answer(204, "");
    expect((await request("DELETE", "/x")).data).toBeUndefined();
  });

  it("throws a problem with all that it tells", async () => {
    answer(409, JSON.stringify({ title: "Conflict", code: "conflict", detail: "There is a task a already.", hint: "Choose another id.", correlation_id: "c1", fields: { task_id: "is taken" } }), {
      "Content-Type": "application/problem+json",
    });
    const error = await request("POST", "/x").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 409, code: "conflict", detail: "There is a task a already.", hint: "Choose another id.", correlationId: "c1", fields: { task_id: "is taken" } });
    expect(errorText(error)).toBe("There is a task a already. Choose another id.");
  });

  it("tells an answer that is no JSON from one of the API", async () => {
    answer(200, "<html>a proxy's page</html>");
    await expect(request("GET", "/x")).rejects.toMatchObject({ code: "not_json" });
  });

  it("says that the cloud cannot be reached", async () => {
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
    await expect(request("GET", "/x")).rejects.toMatchObject({ status: 0, code: "unreachable" });
  });

  const hanging = async (_: string, init: RequestInit) =>
    new Promise<Response>((_, reject) => init.signal?.addEventListener("abort", () => reject(init.signal?.reason)));

  it("gives up after its time", async () => {
    vi.stubGlobal("fetch", hanging);
    await expect(request("GET", "/x", { timeout: 5 })).rejects.toMatchObject({ status: 0, detail: "The cloud gateway did not answer in time." });
  });

  it("passes on that it was given up", async () => {
    vi.stubGlobal("fetch", hanging);
    const abort = new AbortController();
    const asked = request("GET", "/x", { signal: abort.signal });
    abort.abort();
    expect(isAbort(await asked.catch((e: unknown) => e))).toBe(true);
  });
});

describe("problem", () => {
  it.each([
    ["a page of a proxy", 502, "text/html", "<html>", "The cloud gateway answered 502."],
    ["a line of text", 500, "text/plain", "it broke\nmore", "it broke"],
    ["JSON that is broken", 500, "application/json", "{", "{"],
    ["JSON that is no object", 500, "application/json", "null", "null"],
    ["a problem without detail", 404, "application/problem+json", '{"title":"Not Found"}', "Not Found"],
  ])("%s", (_, status, type, text, want) => {
    expect(problem(status, type, text).detail).toBe(want);
  });
});

describe("url", () => {
  it.each([
    [{}, "/a"],
    [{ limit: 0, on: false }, "/a?limit=0&on=false"],
    [{ q: "a&b=ü" }, "/a?q=a%26b%3D%C3%BC"],
  ])("%j", (query, want) => expect(url("/a", query)).toBe(want));
});

it("makes keys that differ", () => {
  const keys = new Set(Array.from({ length: 100 }, newKey));
  expect(keys.size).toBe(100);
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/);
});
