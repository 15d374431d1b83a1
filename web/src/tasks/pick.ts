// The files that were dropped or picked, folders opened, with their paths.
import type { PickedFile } from "./upload-queue";

/** The most files that one drop may bring. */
export const mostFiles = 1000;

/** When all files lie in one folder, that folder is what was dropped, and not part of their paths. */
export function withoutTop(files: PickedFile[]): PickedFile[] {
  const top = files[0]?.path.split("/", 1)[0];
  if (top === undefined || files.some((f) => !f.path.startsWith(`${top}/`))) return files;
  return files.map((f) => ({ ...f, path: f.path.slice(top.length + 1) }));
}

/** What no task wants: leftovers of editors, Python and git. */
export const isClutter = (path: string): boolean =>
  /(^|\/)(__pycache__|\.git|\.venv|\.DS_Store|Thumbs\.db)(\/|$)|\.pyc$/.test(path);

export function fromInput(list: FileList): PickedFile[] {
  const files = Array.from(list, (file) => ({ path: file.webkitRelativePath || file.name, file }));
  return tidy(files);
}

export async function fromDrop(data: DataTransfer): Promise<PickedFile[]> {
  // The entries must be taken before the first wait: afterwards the list is empty.
  const entries = Array.from(data.items, (item) => item.webkitGetAsEntry()).filter((e) => e !== null);
  if (entries.length === 0) return tidy(Array.from(data.files, (file) => ({ path: file.name, file })));
  const files: PickedFile[] = [];
  for (const entry of entries) await walk(entry, files);
  return tidy(files);
}

function tidy(files: PickedFile[]): PickedFile[] {
  const wanted = withoutTop(files.filter((f) => !isClutter(f.path)));
  if (wanted.length > mostFiles) throw new Error(`These are more than ${mostFiles} files; pack them, or drop fewer.`);
  return wanted;
}

async function walk(entry: FileSystemEntry, files: PickedFile[]): Promise<void> {
  const path = entry.fullPath.replace(/^\//, "");
  if (isClutter(path)) return;
  if (files.length > mostFiles) return;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    files.push({ path, file });
  } else if (entry.isDirectory) {
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      // A reader gives some entries at a time, and none at the end.
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) break;
      for (const e of some) await walk(e, files);
    }
  }
}
