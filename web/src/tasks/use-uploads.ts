import { useEffect, useRef, useState } from "preact/hooks";
import { upload } from "./upload";
import { UploadQueue, type PickedFile, type UploadItem } from "./upload-queue";

export type { PickedFile, UploadItem };

export interface Uploads {
  items: UploadItem[];
  add: (files: PickedFile[]) => void;
  retry: (path: string) => void;
  retryFailed: () => void;
  remove: (path: string) => void;
  /** Files wait or are on their way. */
  running: boolean;
  failed: number;
}

/**
 * Uploads files to a task, as they are added; with no task yet they wait for it.
 * While any is on its way the browser asks before the page is closed.
 */
export function useUploads(task: string | null): Uploads {
  const [, draw] = useState(0);
  const ref = useRef<UploadQueue | undefined>(undefined);
  ref.current ??= new UploadQueue(upload, () => draw((n) => n + 1));
  const queue = ref.current;
  useEffect(() => {
    if (task !== null) queue.begin(task);
    return () => queue.stop();
  }, [queue, task]);
  const running = queue.running;
  useEffect(() => {
    if (!running) return;
    const ask = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [running]);
  return {
    items: queue.items,
    add: (files) => queue.add(files),
    retry: (path) => queue.retry(path),
    retryFailed: () => queue.retryFailed(),
    remove: (path) => queue.remove(path),
    running,
    failed: queue.failed,
  };
}
