import { expect, it } from "vitest";
import { isClutter, withoutTop } from "./pick";

const files = (...paths: string[]) => paths.map((path) => ({ path, file: new File([], path) }));
const paths = (list: { path: string }[]) => list.map((f) => f.path);

it("drops the folder that all files came in", () => {
  expect(paths(withoutTop(files("mnist/server.py", "mnist/data/a.npz")))).toEqual(["server.py", "data/a.npz"]);
  expect(paths(withoutTop(files("mnist/server.py", "client.py")))).toEqual(["mnist/server.py", "client.py"]);
  expect(paths(withoutTop(files("mnist/a", "mnistx/b")))).toEqual(["mnist/a", "mnistx/b"]);
  expect(withoutTop([])).toEqual([]);
});

it.each([
  ["__pycache__/a.pyc", true], ["x/.git/config", true], [".DS_Store", true], ["a.pyc", true],
  ["server.py", false], [".gitignore", false], ["git/a", false],
])("%s is clutter: %s", (path, want) => expect(isClutter(path)).toBe(want));
