// The files of a task on their way to the cloud: a few at a time, each with its
// progress; a failed one waits to be tried again and does not hold up others.
import type { Uploaded, UploadOptions } from "./upload";

export interface PickedFile {
  /** Where it goes in the task's folder, with forward slashes. */
  path: string;
  file: File;
}

export interface UploadItem extends PickedFile {
  state: "waiting" | "sending" | "done" | "failed";
  /** Bytes. */
  sent: number;
  error?: unknown;
}

type Send = (id: string, path: string, file: File, options: UploadOptions) => Promise<Uploaded>;

const atOnce = 3;

export class UploadQueue {
  items: UploadItem[] = [];
  private task: string | null = null;
  private aborts = new Map<string, AbortController>();

  constructor(
    private readonly send: Send,
    /** Called whenever items changed. */
    private readonly changed: () => void,
  ) {}

  get running(): boolean {
    return this.task !== null && this.items.some((i) => i.state === "waiting" || i.state === "sending");
  }

  get failed(): number {
    return this.items.filter((i) => i.state === "failed").length;
  }

  /** Adds files, in place of those of the same path. They go as soon as there is a task. */
  add(files: PickedFile[]): void {
    const paths = new Set(files.map((f) => f.path));
    for (const path of paths) this.aborts.get(path)?.abort();
    const last = new Map(files.map((f) => [f.path, f]));
    const fresh = [...last.values()].map((f): UploadItem => ({ ...f, state: "waiting", sent: 0 }));
    this.items = [...this.items.filter((i) => !paths.has(i.path)), ...fresh];
    this.pump();
  }

  /** The task that the files are for: from now on they go there. */
  begin(task: string): void {
    this.task = task;
    this.pump();
  }

  retry(path: string): void {
    this.items = this.items.map((i) => (i.path === path && i.state === "failed" ? { path: i.path, file: i.file, state: "waiting", sent: 0 } : i));
    this.pump();
  }

  retryFailed(): void {
    for (const i of this.items) if (i.state === "failed") this.retry(i.path);
  }

  /** Takes a file off the list; one on its way is given up. One that has arrived stays at the cloud. */
  remove(path: string): void {
    this.aborts.get(path)?.abort();
    this.items = this.items.filter((i) => i.path !== path);
    this.pump();
  }

  /** Gives up all that is on its way. */
  stop(): void {
    this.task = null;
    for (const abort of this.aborts.values()) abort.abort();
  }

  private pump(): void {
    for (const item of this.items) {
      if (this.task === null || this.items.filter((i) => i.state === "sending").length >= atOnce) break;
      // Of a file that is being replaced, the old sending must have ended first.
      if (item.state === "waiting" && !this.aborts.has(item.path)) void this.run(this.task, item);
    }
    this.changed();
  }

  private async run(task: string, item: UploadItem): Promise<void> {
    const { path, file } = item;
    const abort = new AbortController();
    this.aborts.set(path, abort);
    this.set(path, { state: "sending", sent: 0 });
    let end: Partial<UploadItem>;
    try {
      await this.send(task, path, file, {
        signal: abort.signal,
        onProgress: (sent) => {
          if (abort.signal.aborted) return;
          this.set(path, { sent: Math.min(sent, file.size) });
          this.changed();
        },
      });
      end = { state: "done", sent: file.size };
    } catch (error) {
      end = { state: "failed", error };
    }
    this.aborts.delete(path);
    if (!abort.signal.aborted) this.set(path, end);
    this.pump();
  }

  private set(path: string, change: Partial<UploadItem>): void {
    this.items = this.items.map((i) => (i.path === path ? { ...i, ...change } : i));
  }
}
