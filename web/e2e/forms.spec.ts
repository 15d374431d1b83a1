// Bad input in every form: a message beside the field, and nothing half done.
import { expect, test as base, type APIRequestContext, type Page } from "@playwright/test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startAgata, type Agata } from "./agata";
import { create, upload } from "./seed";

const test = base.extend<object, { agata: Agata }>({
  agata: [
    async ({ playwright }, use) => {
      const agata = await startAgata({ clients: 1 });
      const request = await playwright.request.newContext({ baseURL: agata.url });
      await create(request, "taken");
      await upload(request, "taken", "4fe5", ["client.py", "task.py"]);
      await request.dispose();
      await use(agata);
      await agata.stop();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ agata }, use) => use(agata.url),
});

/** What a field's own message says. */
async function message(page: Page, label: string): Promise<string> {
  const field = page.getByLabel(label, { exact: false }).first();
  await expect(field).toHaveAttribute("aria-invalid", "true");
  const ids = (await field.getAttribute("aria-describedby"))?.split(" ") ?? [];
  const texts = await Promise.all(ids.map((id) => page.locator(`[id="${id}"]`).innerText()));
  return texts.join(" ");
}

async function taskIDs(request: APIRequestContext): Promise<string[]> {
  const list = await (await request.get("/api/v1/tasks")).json();
  return list.tasks.map((t: { ID: string }) => t.ID);
}

test.describe("the form of a new task", () => {
  test.beforeEach(async ({ page }) => {
    await page.goto("/tasks/new");
    await page.getByLabel("Task id").fill("fresh");
    await page.getByLabel("Port", { exact: true }).fill("0");
    const make = page.getByRole("button", { name: "Make one" });
    if ((await page.getByLabel("Password", { exact: true }).inputValue()) === "") await make.click();
  });

  for (const [what, label, value, says] of [
    ["no id", "Task id", "", /needed/i],
    ["an id with a slash", "Task id", "a/b", /letters|pattern|match|may/i],
    ["a port beyond the range", "Port", "70000", /65,?535/],
    ["a port that is no number", "Port", "1.5", /whole|integer|number/i],
    ["criteria that are no expression", "Selection criteria", "data_qnt >", /expect|end|missing|syntax/i],
  ] as const) {
    test(what, async ({ page, request }) => {
      await page.getByLabel(label, { exact: label === "Port" }).first().fill(value);
      await page.getByRole("button", { name: "Create task" }).click();
      if (label === "Selection criteria") await expect(page.getByRole("status", { name: "What the criteria mean" })).toContainText(says);
      else expect(await message(page, label)).toMatch(says);
      await expect(page).toHaveURL(/\/tasks\/new$/);
      expect(await taskIDs(request)).toEqual(["taken"]);
    });
  }

  test("an id that is taken", async ({ page, request }) => {
    await page.getByLabel("Task id").fill("taken");
    await page.getByRole("button", { name: "Create task" }).click();
    expect(await message(page, "Task id")).toMatch(/taken|exists|another/i);
    expect(await taskIDs(request)).toEqual(["taken"]);
  });

  test("arguments with an open quotation", async ({ page, request }) => {
    await page.getByLabel("Server arguments").fill('--name "open');
    await page.getByRole("button", { name: "Create task" }).click();
    expect(await message(page, "Server arguments")).toMatch(/quot/i);
    expect(await taskIDs(request)).toEqual(["taken"]);
  });
});

test("a task without its server does not start, and the dialog says what to do", async ({ page, request }) => {
  await page.goto("/tasks/taken");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText(/server\.py/);
  await dialog.getByRole("button", { name: "Start task" }).click();
  await expect(dialog.getByRole("alert")).toContainText(/upload/i);
  const task = await (await request.get("/api/v1/tasks/taken")).json();
  expect(task.state).toBe("new");
});

test("an edit that meets another's change says so, and keeps what was typed", async ({ page, request }) => {
  await page.goto("/tasks/taken");
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Server arguments").fill("--mine");
  const { headers } = await request.get("/api/v1/tasks/taken").then((r) => ({ headers: r.headers() }));
  const patched = await request.patch("/api/v1/tasks/taken", { data: { server_arguments: "--theirs" }, headers: { "If-Match": headers.etag! } });
  expect(patched.status()).toBe(200);
  await dialog.getByRole("button", { name: /save/i }).click();
  await expect(dialog).toContainText("--theirs");
  const task = await (await request.get("/api/v1/tasks/taken")).json();
  expect(task.server_arguments).toBe("--theirs");
});

test("a file that is no timeline is refused by name", async ({ page, agata }) => {
  const file = join(agata.data, "notes.json");
  writeFileSync(file, '{"hello": 1}');
  await page.goto("/timeline");
  await page.locator("input[type=file]").setInputFiles(file);
  await expect(page.getByText(/notes\.json/).first()).toBeVisible();
  await expect(page.getByText(/array|events/i).first()).toBeVisible();
});

test("without its cloud the console says so, and recovers by itself", async ({ browser }) => {
  const own = await startAgata({ clients: 1 });
  const page = await (await browser.newContext({ baseURL: own.url })).newPage();
  await page.goto("/tasks");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  const port = new URL(own.url).port;
  await own.stop();
  await expect(page.getByText(/connection|reach/i).first()).toBeVisible();
  const again = await startAgata({ clients: 1, settings: { "server.gateway.port": port } });
  await expect(page.getByRole("status", { name: "Connection" })).not.toContainText(/lost/i, { timeout: 60_000 });
  await again.stop();
  await page.close();
});
