import { expect, test } from "vitest";
import { attributes } from "./attributes";

test("what a client told, named as criteria name it, without what it did not tell", () => {
  const user = { ID: "a", creation_date: "", last_mod_date: "", data_qnt: 0, avg_acc_contrib: null, avg_disconnection_per_round: 0.5, sensors: ["camera", "ecu"], attributes: { zone: "b", gpu: true, list: [1] } };
  expect(attributes(user)).toEqual([
    ["data_qnt", "0"],
    ["sensors", "camera, ecu"],
    ["avg_disconnection_per_round", "0.5"],
    ["gpu", "true"],
    ["list", "[1]"],
    ["zone", "b"],
  ]);
});
