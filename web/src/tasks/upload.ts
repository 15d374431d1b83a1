// Sending one file of a task, with progress: by XMLHttpRequest, since fetch
// tells nothing of what it has sent.
import { fileURL } from "../api/client";
import { admitted, checkSession } from "../api/gate";
import { ApiError, problem, unreachable } from "../api/http";

export interface Uploaded {
  path: string;
  size: number;
  sha256: string;
}

export interface UploadOptions {
  onProgress?: (sent: number, total: number) => void;
  signal?: AbortSignal;
}

/** How long nothing may move before the upload counts as failed, in ms. */
const stall = 60_000;

/** Puts a file in a task's folder, replacing one of that path. Throws ApiError, or AbortError when given up. */
export const upload = (id: string, path: string, file: Blob, options: UploadOptions = {}): Promise<Uploaded> =>
  admitted(() => put(id, path, file, options).catch(broken), options.signal);

/** A large file may be cut off before the answer that refuses it can be read. */
function broken(error: unknown): never {
  if (error instanceof ApiError && error.status === 0) void checkSession();
  throw error;
}

function put(id: string, path: string, file: Blob, options: UploadOptions): Promise<Uploaded> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    let late = false;
    let timer = 0;
    const moved = () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => {
        late = true;
        xhr.abort();
      }, stall);
    };
    const end = (f: () => void) => () => {
      window.clearTimeout(timer);
      options.signal?.removeEventListener("abort", giveUp);
      f();
    };
    const giveUp = () => xhr.abort();
    xhr.upload.onprogress = (e) => {
      moved();
      options.onProgress?.(e.loaded, e.lengthComputable ? e.total : file.size);
    };
    xhr.onload = end(() => {
      if (xhr.status >= 200 && xhr.status < 300) {
        try {
          resolve(JSON.parse(xhr.responseText) as Uploaded);
        } catch {
          reject(new ApiError(xhr.status, "not_json", "The answer is not from AGATA's API.", "Check what stands between this page and the cloud gateway."));
        }
      } else {
        reject(problem(xhr.status, xhr.getResponseHeader("Content-Type") ?? "", xhr.responseText));
      }
    });
    xhr.onerror = end(() => reject(unreachable(false)));
    xhr.onabort = end(() => reject(late ? unreachable(true) : new DOMException("given up", "AbortError")));
    if (options.signal?.aborted) {
      reject(new DOMException("given up", "AbortError"));
      return;
    }
    options.signal?.addEventListener("abort", giveUp);
    xhr.open("PUT", fileURL(id, path));
    xhr.setRequestHeader("Content-Type", "application/octet-stream");
    moved();
    xhr.send(file);
  });
}
