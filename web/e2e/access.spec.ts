// A cloud that asks for credentials, in a real browser: signing in, what a
// viewer may not, a session that ends in the middle, a client that enrols.
import AxeBuilder from "@axe-core/playwright";
import { expect, test, type APIRequestContext, type Browser, type Locator, type Page } from "@playwright/test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root, runAgata, startAgata, type Agata } from "./agata";
import { watchConsole } from "./page";
import { create } from "./seed";

const shots = join(root, "web/screenshots");
const password = "correct horse battery";

test.describe.configure({ mode: "serial" });

let agata: Agata;
let data: string;
let page: Page;
let elsewhere: APIRequestContext;
const complaints: string[] = [];

test.beforeAll(async ({ browser, playwright }) => {
  mkdirSync(shots, { recursive: true });
  data = mkdtempSync(join(tmpdir(), "agata-e2e-"));
  runAgata(["operator", "init", "ada", "--password-stdin", "--data", data], `${password}\n`);
  agata = await startAgata({ clients: 1, data, settings: { "auth.sign_in_per_minute": "200" } });
  elsewhere = await playwright.request.newContext({ baseURL: agata.url });
  page = await open(browser);
});

test.afterAll(async () => {
  await elsewhere?.dispose();
  await page?.close();
  await agata?.stop();
  rmSync(data, { recursive: true, force: true });
});

async function open(browser: Browser): Promise<Page> {
  const fresh = await (await browser.newContext({ baseURL: agata.url })).newPage();
  const said = watchConsole(fresh);
  fresh.on("close", () => complaints.push(...said));
  return fresh;
}

async function signIn(where: Page | Locator, name: string, secret = password) {
  await where.getByLabel("Name").fill(name);
  await where.getByLabel("Password", { exact: true }).fill(secret);
  await where.getByLabel("Password", { exact: true }).press("Enter");
}

/** Ends all sessions of ada but one that no browser has. */
async function endSessions(from: string, to: string) {
  expect((await elsewhere.post("/api/v1/session", { data: { name: "ada", password: from } })).status()).toBe(201);
  expect((await elsewhere.patch("/api/v1/operators/ada", { data: { old_password: from, password: to } })).status()).toBe(204);
}

test("nobody gets in without the right password, and then goes on where they wanted to", async () => {
  await page.goto("/tasks?state=running");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  await expect(page.getByRole("navigation")).toHaveCount(0);
  const name = page.getByLabel("Name");
  const secret = page.getByLabel("Password", { exact: true });
  await expect(name).toBeFocused();
  await expect(name).toHaveAttribute("autocomplete", "username");
  await expect(secret).toHaveAttribute("autocomplete", "current-password");
  for (const who of ["ada", "nobody"]) {
    await signIn(page, who, "wrong wrong wrong");
    await expect(secret).toHaveAttribute("aria-invalid", "true");
    await expect(secret).toBeFocused();
    await expect(page.locator(`[id="${await secret.getAttribute("aria-describedby")}"]`)).toHaveText("The name or the password is wrong.");
  }
  await signIn(page, "ada");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Tasks");
  await expect(page).toHaveURL(/\/tasks\?state=running$/);
  await expect(page.locator(".account")).toContainText("ada");
  await expect(page.locator(".account")).toContainText("admin");
  const cookies = await page.context().cookies();
  expect(cookies).toMatchObject([{ name: "agata_session", httpOnly: true, sameSite: "Strict", path: "/" }]);
  await page.reload();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Tasks");
});

test("an admin adds an account, and makes a token that is told once", async ({ playwright }) => {
  await page.getByRole("link", { name: "Access" }).click();
  await page.getByRole("button", { name: "Add an account" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("vera");
  await dialog.getByLabel("Password", { exact: true }).fill("short");
  await dialog.getByRole("button", { name: "Add account" }).click();
  await expect(dialog.getByLabel("Password", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await dialog.getByLabel("Password", { exact: true }).fill(password);
  await dialog.getByRole("button", { name: "Add account" }).click();
  await expect(page.getByRole("table", { name: "Accounts" }).getByRole("row").filter({ hasText: "vera" })).toContainText("viewer");

  await page.getByRole("button", { name: "New token" }).click();
  await dialog.getByLabel("Label").fill("nightly");
  await dialog.getByLabel("Label").press("Enter");
  const token = await dialog.locator("code").first().innerText();
  expect(token).toMatch(/^agt_/);
  const program = await playwright.request.newContext({ baseURL: agata.url, extraHTTPHeaders: { Authorization: `Bearer ${token}` } });
  expect((await program.get("/api/v1/tasks")).status()).toBe(200);
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText(token)).toHaveCount(0);
  await page.getByRole("button", { name: "Remove token nightly" }).click();
  await dialog.getByRole("button", { name: "Remove token" }).click();
  await expect(page.getByText("You have no API token")).toBeVisible();
  expect((await program.get("/api/v1/tasks")).status()).toBe(401);
  await program.dispose();
});

test("a viewer sees everything, and is offered no change", async ({ browser }) => {
  await elsewhere.post("/api/v1/session", { data: { name: "ada", password } });
  await create(elsewhere, "waits");
  const vera = await open(browser);
  await vera.goto("/tasks/waits");
  await signIn(vera, "vera");
  await expect(vera.getByRole("heading", { level: 1 })).toContainText("waits");
  for (const name of ["Start", "Edit", "Delete"]) {
    const button = vera.getByRole("button", { name, exact: true });
    await expect(button).toBeDisabled();
    await expect(button).toHaveAttribute("title", /viewer.*operator/);
    await expect(button).toHaveAttribute("aria-description", /viewer.*operator/);
    await button.click({ force: true });
  }
  await expect(vera.getByRole("dialog")).toHaveCount(0);
  await vera.goto("/tasks/waits/files");
  await expect(vera.locator("input[type=file]")).toHaveCount(0);
  await vera.goto("/tasks/new");
  await expect(vera.getByText("You may not create tasks")).toBeVisible();
  await expect(vera.getByRole("button", { name: "Create task" })).toBeDisabled();
  await vera.goto("/clients");
  await expect(vera.getByRole("button", { name: "Enrol a client" })).toBeDisabled();
  await vera.goto("/access");
  await expect(vera.getByRole("heading", { name: "Your API tokens" })).toBeVisible();
  await expect(vera.getByRole("heading", { name: "Accounts" })).toHaveCount(0);

  await vera.getByRole("button", { name: "Change password" }).click();
  const dialog = vera.getByRole("dialog");
  await dialog.getByLabel("Present password").fill("wrong wrong wrong");
  await dialog.getByLabel("New password").fill("another long one");
  await dialog.getByLabel("New password").press("Enter");
  await expect(dialog.getByLabel("Present password")).toHaveAttribute("aria-invalid", "true");
  await dialog.getByLabel("Present password").fill(password);
  await dialog.getByLabel("Present password").press("Enter");
  await expect(vera.getByText("Your password is changed.", { exact: false })).toBeVisible();
  await vera.getByRole("button", { name: "Sign out" }).click();
  await expect(vera.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  expect((await vera.request.get("/api/v1/tasks")).status()).toBe(401);
  await signIn(vera, "vera", "another long one");
  await expect(vera.getByRole("heading", { level: 1 })).toHaveText("Access");
  await vera.close();
});

test("a session that ends elsewhere leads to the sign-in, and what was typed goes on", async () => {
  await page.goto("/tasks/new");
  await page.getByLabel("Task id").fill("typed");
  await page.getByLabel("Port", { exact: true }).fill("0");
  if ((await page.getByLabel("Password", { exact: true }).inputValue()) === "") await page.getByRole("button", { name: "Make one" }).click();
  await endSessions(password, `${password} 2`);
  await page.getByRole("button", { name: "Create task" }).click();
  const dialog = page.getByRole("dialog", { name: "Sign in to go on" });
  await expect(dialog.getByLabel("Name")).toHaveValue("ada");
  await expect(dialog.getByLabel("Password", { exact: true })).toBeFocused();
  for (let i = 0; i < 3; i++) await page.keyboard.press("Escape");
  await expect(dialog).toBeVisible();
  await expect(page.getByLabel("Task id")).toHaveValue("typed");
  await dialog.getByLabel("Password", { exact: true }).fill(`${password} 2`);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page).toHaveURL(/\/tasks\/typed$/);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("typed");
});

test("a page that only follows notices by its stream, and goes on after", async () => {
  await page.goto("/clients");
  await expect(page.locator(".link-state")).toHaveText("Live");
  await endSessions(`${password} 2`, password);
  const dialog = page.getByRole("dialog", { name: "Sign in to go on" });
  await expect(dialog).toBeVisible();
  await faultsOf("sign-in-dialog");
  await signIn(dialog, "ada");
  await expect(dialog).toHaveCount(0);
  await expect(page.locator(".link-state")).toHaveText("Live");
});

test("a client enrols with the command that is shown, and is revoked", async () => {
  await page.goto("/clients");
  await page.getByRole("button", { name: "Enrol a client" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Client id").fill("car");
  await dialog.getByLabel("Client id").press("Enter");
  const token = await dialog.locator(".secret", { hasText: "One-time token" }).locator("code").innerText();
  const command = await dialog.locator(".secret", { hasText: "Command" }).locator("code").innerText();
  expect(token).toMatch(/^age_/);
  expect(command).toBe(`agata client join --set server.gateway.url=${agata.url} --set client.info.user_id=car`);
  await faultsOf("enrol");
  await dialog.getByRole("button", { name: "Done" }).click();
  runAgata([...command.split(" ").slice(1), "--data", data, "--password-stdin"], `${token}\n`);

  // The client that runs in the folder takes it up, and tells of itself.
  await page.getByRole("link", { name: "car", exact: true }).click({ timeout: 60_000 });
  await expect(page.getByText(/It has one.*ada let it enrol/)).toBeVisible();
  await page.getByRole("button", { name: "Revoke" }).click();
  await dialog.getByRole("button", { name: "Revoke credential" }).click();
  await expect(page.getByText("It has none", { exact: false })).toBeVisible();
});

/** Looks at the page as it is, in both themes and both widths. */
async function faultsOf(name: string) {
  const faults: string[] = [];
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
    for (const [device, viewport] of Object.entries({ desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } })) {
      await page.setViewportSize(viewport);
      await page.screenshot({ path: join(shots, `${name}-${theme}-${device}.png`), fullPage: true });
      const { violations } = await new AxeBuilder({ page }).analyze();
      for (const v of violations) faults.push(`${name}, ${theme}, ${device}: ${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join("; ")}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) faults.push(`${name}, ${theme}, ${device}: scrolls sideways by ${wide} pixels`);
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 800 });
  expect(faults).toEqual([]);
}

test("the pages can be used by everybody, in both themes", async () => {
  for (const [name, path] of Object.entries({ access: "/access", "client-credential": "/clients/car", "clients-closed": "/clients" })) {
    await page.goto(path);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.locator("[aria-busy=true], .skeleton")).toHaveCount(0);
    await faultsOf(name);
  }
});

test("so can the sign-in, which follows the system's theme too", async () => {
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
  await faultsOf("sign-in");
});

test("the browser had nothing to complain about but what was refused on purpose", async () => {
  await page.close();
  expect(complaints.filter((c) => !/^error: Failed to load resource: the server responded with a status of (400|401) /.test(c))).toEqual([]);
});
