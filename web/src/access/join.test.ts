import { expect, test } from "vitest";
import { joinCommand, shellWord } from "./join";

test("the command names the gateway and, if known, the client", () => {
  expect(joinCommand("http://cloud:9001", "")).toBe("agata client join --set server.gateway.url=http://cloud:9001");
  expect(joinCommand("https://cloud", "car-7")).toBe("agata client join --set server.gateway.url=https://cloud --set client.info.user_id=car-7");
});

test.each([
  ["plain-1.2", "plain-1.2"],
  ["two words", "'two words'"],
  ["$(id)", "'$(id)'"],
  ["it's", `'it'\\''s'`],
  ["", "''"],
])("%s as a word of a shell", (text, want) => expect(shellWord(text)).toBe(want));
