import { expect, type APIRequestContext } from "@playwright/test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./agata";

/** Uploads files of a folder of experiments/tasks as they are. */
export async function upload(request: APIRequestContext, task: string, folder: string, names: string[]) {
  for (const name of names) {
    const answer = await request.put(`/api/v1/tasks/${task}/files/${name}`, {
      data: readFileSync(join(root, "experiments/tasks", folder, name)),
      headers: { "Content-Type": "application/octet-stream" },
    });
    expect(answer.status(), await answer.text()).toBe(201);
  }
}

export async function create(request: APIRequestContext, task: string, more: Record<string, unknown> = {}) {
  const answer = await request.post("/api/v1/tasks", {
    data: { task_id: task, host: "127.0.0.1", port: 0, username: "agata", password: "secret", files_paths: ["client.py", "task.py"], ...more },
  });
  expect(answer.status(), await answer.text()).toBe(201);
}

/** A small history to look at: a task that learns on one client, one that failed at another, some that wait. */
export async function runStory(request: APIRequestContext) {
  const port = 20000 + Math.floor(Math.random() * 10000);
  const flower = ["server.py", "task.py", "client.py", "trigger_example.py"];
  await create(request, "fails", { server_arguments: "--no-such-option", tags: ["flower", "broken"] });
  await upload(request, "fails", "4fe5", flower);
  await request.post("/api/v1/tasks/fails/start", { data: {} });
  await create(request, "learns", {
    server_arguments: `--port ${port} --rounds 2000 --min-clients 1 --pause 0.3`,
    client_arguments: `--server 127.0.0.1:${port}`,
    selection_criteria: 'data_qnt >= 0 and "camera" in sensors',
    tags: ["flower", "digits"],
  });
  await upload(request, "learns", "4fe5", flower);
  expect((await request.post("/api/v1/tasks/learns/start", { data: {} })).status()).toBe(200);
  await create(request, "for-others", { selection_criteria: "data_qnt > 1000", tags: ["later"] });
  const clients = async () => (await (await request.get("/api/v1/executions?task=learns&side=client&state=running")).json()).executions ?? [];
  await expect.poll(async () => (await clients()).length, { timeout: 60_000 }).toBe(2);
  const rounds = async () => {
    const metrics = await (await request.get("/api/v1/tasks/learns/metrics")).json();
    return metrics.series.find((s: { side: string }) => s.side === "server")?.points.length ?? 0;
  };
  await expect.poll(rounds, { timeout: 60_000 }).toBeGreaterThan(4);
  const victim = (await clients()).find((e: { client: string }) => e.client === "car");
  process.kill(victim.pid, "SIGKILL");
  await expect.poll(async () => (await (await request.get("/api/v1/clients/car")).json()).state?.quarantined?.length ?? 0, { timeout: 30_000 }).toBe(1);
}
