// How the console feels with 10,000 tasks, 10,000 clients and 1,000,000 events:
// `npm run bench` prints a table. It is no test: machines differ.
import { expect, test, type Page } from "@playwright/test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, startAgata, type Agata } from "./agata";

const size = Number(process.env.AGATA_BENCH_SIZE ?? 10_000);
const events = Number(process.env.AGATA_BENCH_EVENTS ?? 1_000_000);

interface Figure {
  what: string;
  /** Until the browser has painted what the operator did, or its longest task, ms. */
  paint: number;
  /** Until the data was there, ms. */
  data: number;
  nodes: number;
}

test("the console at scale", async ({ browser }) => {
  test.setTimeout(900_000);
  const data = mkdtempSync(join(tmpdir(), "agata-bench-"));
  let agata: Agata | undefined;
  try {
    execFileSync("go", ["run", "./internal/history/historytest/fill", "--db", join(data, "cloud-gateway.db"), "--tasks", `${size}`, "--clients", `${size}`, "--events", `${events}`], { cwd: root, stdio: "inherit" });
    agata = await startAgata({ clients: 1, data, settings: { "log.level": "error" } });
    await populate(agata.url);
    const page = await (await browser.newContext({ baseURL: agata.url })).newPage();
    const figures = await measure(page);
    const table = figures.map((f) => `| ${f.what} | ${f.paint} | ${f.data} | ${f.nodes} |`).join("\n");
    const text = `| what the operator does | painted after, ms | data after, ms | elements |\n|---|---|---|---|\n${table}\n`;
    console.log(`\n${size} tasks, ${size} clients, ${events} events\n\n${text}`);
    writeFileSync(join(root, "web/test-results/scale.md"), text);
  } finally {
    await agata?.stop();
    rmSync(data, { recursive: true, force: true });
  }
});

/** The tasks and clients that the history tells of, by the wire's functions. */
async function populate(url: string) {
  // Plainly: the test runner would keep a record of each.
  const call = async (fn: string, body: unknown) => {
    const answer = await fetch(`${url}/${fn}`, { method: "POST", body: JSON.stringify(body) });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${fn}: ${text}`);
  };
  const sensors = [["camera"], ["camera", "ecu"], ["lidar"], []];
  const one = async (n: number) => {
    const id = String(n).padStart(5, "0");
    await call("rpc_exec_update_user_info", { user_id: `client-${id}`, data_qnt: n % 997, sensors: sensors[n % 4] });
    await call("rpc_exec_create_task", {
      task_id: `task-${id}`, host: "127.0.0.1", port: 0, username: "u", password: "p", files_paths: ["client.py"],
      selection_criteria: `data_qnt > ${n % 900} and "camera" in sensors`, tags: [`group-${n % 50}`, "bench"],
    });
  };
  for (let n = 0; n < size; n += 32) await Promise.all(Array.from({ length: Math.min(32, size - n) }, (_, k) => one(n + k)));
}

/** The id of the task or client at this part of them all. */
function id(what: string, part: number): string {
  return `${what}-${String(Math.floor(size * part)).padStart(5, "0")}`;
}

async function measure(page: Page): Promise<Figure[]> {
  const figures: Figure[] = [];
  await page.addInitScript(() => {
    const w = window as unknown as { slowest: number };
    w.slowest = 0;
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) w.slowest = Math.max(w.slowest, e.duration);
    }).observe({ type: "event", buffered: true, durationThreshold: 16 } as PerformanceObserverInit);
    // The wheel and dragging are no interactions to the observer; what keeps the page from drawing is.
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) w.slowest = Math.max(w.slowest, e.duration);
    }).observe({ type: "longtask", buffered: true });
  });
  const step = async (what: string, act: () => Promise<unknown>, ready: () => Promise<unknown>) => {
    await page.evaluate(() => ((window as unknown as { slowest: number }).slowest = 0)).catch(() => undefined);
    const began = performance.now();
    await act();
    await ready();
    const took = Math.round(performance.now() - began);
    await page.waitForTimeout(300); // for the observer
    const [paint, nodes] = await page.evaluate(() => [(window as unknown as { slowest: number }).slowest, document.querySelectorAll("*").length]);
    figures.push({ what, paint: Math.round(paint as number), data: took, nodes: nodes as number });
  };
  const rows = () => page.getByRole("row");
  await step("opens the overview", () => page.goto("/"), () => expect(page.getByText(/^\d+,\d{3}$|^\d{3,}$/).first()).toBeVisible());
  await step("goes to the tasks", () => page.getByRole("link", { name: "Tasks", exact: true }).first().click(), () => expect(rows().nth(5)).toBeVisible());
  const search = page.getByRole("searchbox").first();
  await step("searches the tasks", () => search.pressSequentially(id("task", 0.777).slice(0, -1)), () => expect(page.getByRole("link", { name: id("task", 0.777), exact: true })).toBeVisible());
  await step("clears the search", () => search.fill(""), () => expect(page.getByRole("link", { name: /^task-/ }).nth(10)).toBeVisible());
  await step("scrolls through the tasks", async () => {
    for (let n = 0; n < 20; n++) {
      await page.mouse.move(640, 500);
      await page.mouse.wheel(0, 3000);
      await page.waitForTimeout(50);
    }
  }, async () => undefined);
  await step("opens a task", () => page.goto("/tasks/task-00000"), () => expect(page.getByRole("table").first()).toBeVisible());
  await step("asks why, for each client", () => page.getByRole("link", { name: "Why" }).click(), () => expect(rows().nth(5)).toBeVisible());
  await step("searches those clients", () => page.getByRole("searchbox").first().pressSequentially(id("", 0.42).slice(2)), () => expect(page.getByRole("link", { name: id("client", 0.42), exact: true })).toBeVisible());
  await step("opens the task's timeline", () => page.getByRole("link", { name: "Timeline", exact: true }).last().click(), () => expect(rows().nth(3)).toBeVisible());
  await step("goes to the clients", () => page.getByRole("link", { name: "Clients", exact: true }).first().click(), () => expect(rows().nth(5)).toBeVisible());
  await step("searches the clients", () => page.getByRole("searchbox").first().pressSequentially(id("client", 0.999).slice(0, -1)), () => expect(page.getByRole("link", { name: id("client", 0.999), exact: true })).toBeVisible());
  await step("opens the timeline of all", () => page.goto("/timeline"), () => expect(rows().nth(5)).toBeVisible({ timeout: 60_000 }));
  const canvas = page.locator("canvas").first();
  await step("zooms in, 10 turns of the wheel", async () => {
    const box = (await canvas.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    for (let n = 0; n < 10; n++) {
      await page.mouse.wheel(0, -300);
      await page.waitForTimeout(60);
    }
  }, () => expect(page.getByText(/events?/).first()).toBeVisible());
  await step("drags the timeline", async () => {
    const box = (await canvas.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + 30);
    await page.mouse.down();
    for (let n = 0; n < 20; n++) await page.mouse.move(box.x + box.width / 2 + n * 15, box.y + 30);
    await page.mouse.up();
  }, () => expect(page.getByText(/events?/).first()).toBeVisible());
  return figures;
}
