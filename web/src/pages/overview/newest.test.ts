import { expect, it } from "vitest";
import type { Entry } from "../../api/types";
import { newest } from "./newest";

const e = (seq: number, time: number): Entry => ({ seq, id: `e${seq}`, kind: "event", time });

it("keeps the newest of both, each once", () => {
  const list = newest([e(1, 10), e(2, 30)], [e(2, 30), e(3, 20), e(4, 30)], 3);
  expect(list.map((x) => x.seq)).toEqual([4, 2, 3]);
});
