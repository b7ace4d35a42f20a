import { expect, it } from "vitest";
import { eventsUsd } from "../../../core/cost/index.ts";

it("events cost in proportion to the changes, mostly what EventBridge takes, and little more with every gate", () => {
  const perMillionJobs = eventsUsd(10, 1) * 1e6;

  expect(perMillionJobs).toBeGreaterThan(10); // ten million events at $1 a million
  expect(perMillionJobs).toBeLessThan(20);
  expect(eventsUsd(20, 1)).toBeCloseTo(2 * eventsUsd(10, 1), 12);
  expect((eventsUsd(10, 32) - eventsUsd(10, 1)) * 1e6).toBeCloseTo(10 * 31 * 0.125, 6);
});
