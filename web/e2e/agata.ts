import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** A running AGATA: cloud and clients in one process, with a folder of its own. */
export interface Agata {
  url: string;
  data: string;
  stop(): Promise<void>;
}

export interface Options {
  clients?: number;
  /** The folder of an earlier one, to start over it; it stays. */
  data?: string;
  settings?: Record<string, string>;
}

/** Starts `agata up` on ports that the kernel chooses and waits until it answers. */
export async function startAgata(options: Options = {}): Promise<Agata> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), "agata-e2e-"));
  const settings: Record<string, string> = {
    "server.broker.port": "0",
    "client.broker.port": "0",
    "server.gateway.port": "0",
    "server.files.port": "0",
    "broker.mode": "embedded",
    "client.info.user_id": "car",
    "client.params.request_interval": "1",
    "tasks.python": python(),
    ...options.settings,
  };
  const args = ["up", "--data", data, "--clients", String(options.clients ?? 2)];
  for (const [key, value] of Object.entries(settings)) args.push("--set", `${key}=${value}`);
  const child = spawn(join(root, "bin/agata"), args, { cwd: data, stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  try {
    const url = await gatewayOf(child);
    return {
      url,
      data,
      async stop() {
        child.kill("SIGTERM");
        const hard = setTimeout(() => child.kill("SIGKILL"), 30_000);
        await ended;
        clearTimeout(hard);
        if (!options.data) rmSync(data, { recursive: true, force: true });
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/** Runs an `agata` command to its end, with what it reads from its input; returns what it printed. */
export function runAgata(args: string[], input = ""): string {
  const run = spawnSync(join(root, "bin/agata"), args, { input, encoding: "utf8", timeout: 60_000 });
  if (run.status !== 0) throw new Error(`agata ${args.join(" ")} ended with ${run.status ?? run.signal}: ${run.stderr}`);
  return run.stdout;
}

/** The Python that has Flower: tools/python-env makes it. */
function python(): string {
  const made = join(root, ".venv/bin/python3");
  return process.env.AGATA_TEST_PYTHON ?? (existsSync(made) ? made : "python3");
}

/** Reads from what AGATA says where its gateway is. */
function gatewayOf(child: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    let said = "";
    const late = setTimeout(() => failed(new Error(`agata did not start within 30 s; it said:\n${said}`)), 30_000);
    child.stderr!.on("data", (bytes: Buffer) => {
      said += bytes.toString();
      const match = /^(?:console|gateway)\s+(http:\/\/\S+)/m.exec(said);
      if (match?.[1] && /AGATA is up/.test(said)) {
        clearTimeout(late);
        found(match[1].replace(/\/$/, ""));
      }
    });
    child.once("error", failed);
    child.once("exit", (code) => failed(new Error(`agata ended with ${code}; it said:\n${said}`)));
  });
}
