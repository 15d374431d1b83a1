import { expect, test } from "vitest";
import { experimentsIn, figuresOf } from "./figures";
import { clientStory, event } from "./testing";

test("figures search forward", () => {
  const steps = [["A", "B"], ["A", "B"], ["A", "C"], ["A", "Z"]].map(([from = "", to = ""]) => ({ name: "", from, to }));
  const events = [event(1, "A"), event(2, "B"), event(4, "A"), event(7, "B"), event(11, "C")];
  expect(figuresOf(events, steps).map((f) => f.seconds)).toEqual([1, 3, 10, null]);
});

test("experiment 2: the figures after the error are those of the second task", () => {
  const events = [...clientStory(0, "", "E", "error"), ...clientStory(2, "", "C", "finished")];
  const [experiment, ...others] = experimentsIn(events);
  expect(others).toEqual([]);
  expect(experiment?.number).toBe(2);
  const want = [0.2, 0.4, 0.2, 0.1, 0.1, 0.2, 1.5];
  experiment?.figures.forEach((f, i) => expect(f.seconds, f.name).toBeCloseTo(want[i]!, 6));
});

test("experiment 1 is told by the end of task 4fe5; a figure without its events says so", () => {
  const [experiment] = experimentsIn(clientStory(0, "", "4fe5", "finished"));
  expect(experiment?.number).toBe(1);
  expect(experiment?.figures.map((f) => f.seconds === null)).toEqual([true, true, true, false, false, false, false]);
  expect(experimentsIn(clientStory(0, "", "mine", "finished"))).toEqual([]);
});
