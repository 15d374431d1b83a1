// Every page, in both themes and at both widths: a screenshot of each into
// web/screenshots, no violation of accessibility, nothing that the browser
// complains about, and no page that scrolls sideways.
import AxeBuilder from "@axe-core/playwright";
import { expect, test, type APIRequestContext } from "@playwright/test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { root, startAgata, type Agata } from "./agata";
import { runStory } from "./seed";
import { watchConsole } from "./page";

const shots = join(root, "web/screenshots");
const widths = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

const pages: Record<string, string> = {
  overview: "/",
  tasks: "/tasks",
  "new-task": "/tasks/new",
  task: "/tasks/learns",
  "task-logs": "/tasks/learns/logs",
  "task-why": "/tasks/learns/clients",
  "task-timeline": "/tasks/learns/timeline",
  "task-files": "/tasks/learns/files",
  "task-failed": "/tasks/fails",
  clients: "/clients",
  client: "/clients/car",
  timeline: "/timeline",
  "access-open": "/access",
  "not-found": "/nowhere",
};

let agata: Agata;

test.beforeAll(async ({ playwright }) => {
  test.setTimeout(180_000);
  mkdirSync(shots, { recursive: true });
  agata = await startAgata({ clients: 2 });
  const request: APIRequestContext = await playwright.request.newContext({ baseURL: agata.url });
  await runStory(request);
  await request.dispose();
});

test.afterAll(async () => agata?.stop());

for (const theme of ["light", "dark"] as const) {
  for (const [device, viewport] of Object.entries(widths)) {
    test(`all pages, ${theme}, ${viewport.width} pixels`, async ({ browser }) => {
      const context = await browser.newContext({ baseURL: agata.url, viewport, colorScheme: theme, reducedMotion: "reduce" });
      const page = await context.newPage();
      const complaints = watchConsole(page);
      const faults: string[] = [];
      for (const [name, path] of Object.entries(pages)) {
        await page.goto(path);
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        await expect(page.locator("[aria-busy=true], .skeleton")).toHaveCount(0);
        await page.evaluate(() => new Promise((done) => setTimeout(done, 400))); // charts draw in a frame of their own
        await page.screenshot({ path: join(shots, `${name}-${theme}-${device}.png`), fullPage: true });
        const { violations } = await new AxeBuilder({ page }).analyze();
        for (const v of violations) faults.push(`${path}: ${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join("; ")}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (wide > 0) faults.push(`${path}: scrolls sideways by ${wide} pixels`);
      }
      await context.close();
      expect(faults).toEqual([]);
      // The page that does not exist is the only one that may be missed.
      expect(complaints).toEqual([]);
    });
  }
}
