import { describe, expect, it } from "vitest";
import { complete } from "./completion";

const names = ["data_qnt", "avg_acc_contrib", "sensors", "region", "ID", "user_id"];
/** The caret is where | stands. */
const at = (text: string) => {
  const caret = text.indexOf("|");
  const plain = text.replace("|", "");
  const c = complete(plain, caret, names);
  return { word: plain.slice(c.from, c.to), options: c.options };
};

describe("complete", () => {
  it.each([
    ["da|", "da", ["data_qnt"]],
    ["(qnt| > 50)", "qnt", ["data_qnt"]],
    ["x > 1 and se|ns", "sens", ["sensors", "user_id"]],
    ['"camera" in s|', "s", ["sensors", "user_id"]],
    ["i|", "i", ["ID", "avg_acc_contrib", "region", "user_id"]],
  ])("%s", (text, word, options) => expect(at(text)).toEqual({ word, options }));

  it.each([
    ["nothing typed", "|"],
    ["inside a text", '"se|'],
    ["inside a text with an escaped quote", String.raw`"a\" se|`],
    ["a word that is complete", "sensors|"],
    ["a keyword", "a in|"],
    ["an attribute of something", "x.se|"],
    ["after a number", "5|"],
  ])("offers nothing: %s", (_, text) => expect(at(text).options).toEqual([]));

  it("offers names after a text that is closed", () => expect(at('"a" in sen|').options).toEqual(["sensors"]));
});
