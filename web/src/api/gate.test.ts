import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { checkSession, request, signIn, signOut } from "./gate";
import { session } from "./session";

const ada = { name: "ada", role: "admin" };
const bob = { name: "bob", role: "operator" };
const unauthorized = JSON.stringify({ status: 401, code: "unauthorized", detail: "not any more" });

/** A cloud where one operator is signed in, or nobody is. */
let who: typeof ada | null;
let asked: string[];
/** The status of what is refused for another reason. */
let refuse: { status: number; code: string } | undefined;

beforeEach(async () => {
  who = ada;
  asked = [];
  refuse = undefined;
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    asked.push(`${init.method} ${path}`);
    const answer = (status: number, body?: unknown) => new Response(status === 204 ? null : JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
    if (path === "/api/v1/session") {
      if (init.method === "GET") return answer(200, { operator: who, open: false });
      if (init.method === "DELETE") {
        who = null;
        return answer(204);
      }
      const { name, password } = JSON.parse(init.body as string) as { name: string; password: string };
      if (password !== "right") return new Response(unauthorized, { status: 401, headers: { "Content-Type": "application/problem+json" } });
      who = name === "ada" ? ada : bob;
      return answer(201, { operator: who });
    }
    if (refuse) return answer(refuse.status, refuse);
    return who ? answer(200, { by: who.name }) : new Response(unauthorized, { status: 401, headers: { "Content-Type": "application/problem+json" } });
  });
  session.ask();
  await checkSession();
});
afterEach(() => vi.unstubAllGlobals());

const settle = () => new Promise<void>((done) => setTimeout(done, 0));

it("makes a request once more after its operator has signed in again", async () => {
  who = null;
  const begun = request<{ by: string }>("POST", "/x", { body: {} });
  await settle();
  expect(session.standing.is).toBe("ended");
  const later = request<{ by: string }>("GET", "/y");
  await settle();
  expect(asked.filter((a) => a.endsWith("/y"))).toEqual([]); // it was not even asked
  await signIn("ada", "right");
  expect((await begun).data).toEqual({ by: "ada" });
  expect((await later).data).toEqual({ by: "ada" });
  expect(asked.filter((a) => a.endsWith("/x"))).toHaveLength(2);
});

it("does not make it for another operator", async () => {
  who = null;
  const begun = request("POST", "/x", { body: {} });
  const failed = expect(begun).rejects.toMatchObject({ status: 401 });
  await settle();
  await signIn("bob", "right");
  await failed;
  expect(asked.filter((a) => a.endsWith("/x"))).toHaveLength(1);
});

it("leaves a wrong password to the form", async () => {
  session.leave();
  await expect(signIn("ada", "wrong")).rejects.toMatchObject({ status: 401 });
  expect(session.standing.is).toBe("out");
});

it("looks at the role again when something is forbidden, and tells the refusal", async () => {
  refuse = { status: 403, code: "forbidden" };
  who = { name: "ada", role: "viewer" };
  await expect(request("POST", "/x")).rejects.toMatchObject({ status: 403 });
  await vi.waitFor(() => expect(session.standing).toEqual({ is: "in", operator: who }));
});

it("takes a 401 that is not the cloud's for any other failure", async () => {
  refuse = { status: 401, code: "proxy" };
  await expect(request("GET", "/x")).rejects.toMatchObject({ status: 401 });
  expect(session.standing.is).toBe("in");
});

it("signs out", async () => {
  await signOut();
  expect([session.standing.is, who]).toEqual(["out", null]);
});

it("learns nothing from a cloud that cannot be reached", async () => {
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
  await checkSession();
  expect(session.standing.is).toBe("in");
  session.ask();
  await checkSession();
  expect(session.standing.is).toBe("unknown");
});

it("asks again once the cloud answers something", async () => {
  session.ask();
  session.giveUp();
  await request("GET", "/x");
  await vi.waitFor(() => expect(session.standing.is).toBe("in"));
});
