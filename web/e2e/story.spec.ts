// The whole story of an operator, in a real browser against a real AGATA: two
// clients, a Flower model, a process that is killed.
import { expect, test, type Page } from "@playwright/test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, startAgata, type Agata } from "./agata";
import { watchConsole } from "./page";

const folder = join(root, "experiments/tasks/4fe5");
const files = ["server.py", "task.py", "client.py", "trigger_example.py"].map((name) => join(folder, name));

test.describe.configure({ mode: "serial" });

let agata: Agata;
let page: Page;
let complaints: string[];

test.beforeAll(async ({ browser }) => {
  agata = await startAgata({ clients: 2 });
  page = await (await browser.newContext({ baseURL: agata.url })).newPage();
  complaints = watchConsole(page);
});

test.afterAll(async () => {
  await page?.close();
  await agata?.stop();
});

test("an operator creates a task, uploads its files and starts it", async () => {
  await page.goto("/");
  await page.getByRole("link", { name: "Tasks" }).first().click();
  await page.getByRole("link", { name: "New task" }).first().click();
  await page.getByLabel("Task id").fill("digits");
  await page.getByLabel("Host").fill("127.0.0.1");
  await page.getByLabel("Port", { exact: true }).fill("0");
  await page.getByLabel("Selection criteria").fill("data_qnt >= 0");
  await expect(page.getByText(/2 of 2 clients/)).toBeVisible();
  await page.locator("input[type=file]").setInputFiles(files);
  const shared = page.getByRole("listitem").filter({ hasText: "task.py" });
  await shared.getByLabel("Clients download it").check();
  const port = 20000 + Math.floor(Math.random() * 10000);
  await page.getByLabel("Server arguments").fill(`--port ${port} --rounds 1000 --min-clients 1 --pause 0.5`);
  await page.getByLabel("Client arguments").fill(`--server 127.0.0.1:${port}`);
  await page.getByRole("button", { name: "Make one" }).click();
  await page.getByRole("button", { name: "Create task" }).click();
  await expect(page).toHaveURL(/\/tasks\/digits$/, { timeout: 30_000 });
  await expect(page.getByRole("heading", { level: 1 })).toContainText("digits");
});

test("two clients join and rounds appear live", async () => {
  const executions = page.getByRole("table", { name: /executions/i });
  await expect(executions.getByRole("row").filter({ hasText: "car" }).filter({ hasText: /running/i })).toHaveCount(2, { timeout: 60_000 });
  await expect.poll(() => rounds(), { timeout: 60_000 }).toBeGreaterThan(1);
  const before = await rounds();
  await expect.poll(() => rounds(), { timeout: 60_000 }).toBeGreaterThan(before);
});

test("a client's process is killed: it fails over, and the console tells why", async () => {
  const list = await (await page.request.get("/api/v1/executions?task=digits&side=client&state=running")).json();
  const victim = list.executions.find((e: { client: string }) => e.client === "car-2");
  process.kill(victim.pid, "SIGKILL");
  const row = page.getByRole("table", { name: /executions/i }).getByRole("row").filter({ hasText: "car-2" }).filter({ hasText: /failed/i });
  await expect(row).toContainText(/signal/i);
  await page.getByRole("link", { name: /why|clients/i }).last().click();
  await expect(page.getByRole("row").filter({ hasText: "car-2" })).toContainText(/quarantine/i);
});

test("the quarantine is released, and the client joins again", async () => {
  await page.getByRole("link", { name: "Clients" }).first().click();
  await page.getByRole("link", { name: "car-2", exact: true }).click();
  await expect(page.getByText(/quarantine/i).first()).toBeVisible();
  await page.getByRole("button", { name: /release/i }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Release", exact: true }).click();
  await expect(dialog.getByText("The client takes the task when it is offered next.")).toBeVisible({ timeout: 30_000 });
  await expect.poll(async () => {
    const list = await (await page.request.get("/api/v1/executions?task=digits&client=car-2&state=running")).json();
    return list.executions.length;
  }, { timeout: 60_000 }).toBe(1);
});

test("logs follow live", async () => {
  await page.goto("/tasks/digits/logs");
  await expect(page.getByText(/round \d+: accuracy/).first()).toBeVisible({ timeout: 30_000 });
});

test("a file is dropped onto the task", async () => {
  await page.goto("/tasks/digits/files");
  const dropped = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(["a note"], "notes.txt", { type: "text/plain" }));
    return data;
  });
  await page.getByText(/drop files/i).first().dispatchEvent("drop", { dataTransfer: dropped });
  await expect(page.getByRole("row").filter({ hasText: "notes.txt" })).toBeVisible();
});

test("the task is stopped", async () => {
  await page.goto("/tasks/digits");
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop task" }).click();
  await expect(page.getByText("Task digits is stopped.")).toBeVisible();
  await expect(page.getByText(/^stopped$/i).first()).toBeVisible();
});

test("the timeline tells it all, and is exported", async () => {
  await page.goto("/tasks/digits/timeline");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: /export|download/i }).or(page.getByRole("button", { name: /export|download/i })).first().click();
  const events = JSON.parse(readFileSync(await (await download).path(), "utf8"));
  expect(Array.isArray(events)).toBe(true);
  const texts = events.map((e: { event: string }) => e.event);
  for (const text of ["Finished task creation", "Finished server task initialization", "Started downloading task", "Started client", "Finished handling error from task digits"]) {
    expect(texts).toContain(text);
  }
  expect(Object.keys(events[0]).sort()).toEqual(["event", "function", "service", "time"]);
  const times = events.map((e: { time: number }) => e.time);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test("the browser had nothing to complain about", () => {
  expect(complaints).toEqual([]);
});

async function rounds(): Promise<number> {
  const metrics = await (await page.request.get("/api/v1/tasks/digits/metrics")).json();
  const aggregate = metrics.series.find((s: { side: string }) => s.side === "server");
  return aggregate?.points.length ?? 0;
}
