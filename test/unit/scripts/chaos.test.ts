/** What chaos promises to do, and how it judges itself. */
import { describe, expect, it } from "vitest";
import { Cells, REFUSED, REQUIRED } from "../../../scripts/chaos/cells.ts";
import { KINDS } from "../../../scripts/chaos/kinds.ts";
import { planJobs } from "../../../scripts/chaos/plan.ts";
import { Random } from "../../../scripts/chaos/random.ts";
import { report } from "../../../scripts/chaos/report.ts";

function filled(): Cells {
  const cells = new Cells();
  for (const [action, states] of Object.entries(REQUIRED)) {
    for (const state of states) cells.done(action as keyof typeof REQUIRED, state);
  }
  for (const [action, states] of Object.entries(REFUSED)) {
    for (const state of states) cells.refused(action as keyof typeof REFUSED, state);
  }
  return cells;
}

const good = (id: number) => ({
  id: String(id),
  kind: "k",
  state: "COMPLETE" as const,
  runs: 1,
  seconds: 1,
  stops: [{ lostAfterMs: 1_000 }],
  problems: [],
});
const outcomes = Array.from({ length: 10 }, (_, i) => good(i));

describe("the plan of a run of chaos", () => {
  it.each([10, 50])(
    "deals every pause, abort and stop that must happen to some of %i jobs, whatever the seed",
    (jobs) => {
      for (let seed = 1; seed <= 50; seed++) {
        const plans = planJobs(jobs, new Random(seed));

        expect(plans).toHaveLength(jobs);
        const dealt = plans.flatMap(({ intents }) => intents.map(({ action, at }) => `${action} ${at}`));
        for (const action of ["pause", "abort", "stop"] as const) {
          for (const at of REQUIRED[action]) expect(dealt).toContain(`${action} ${at}`);
        }
        // At least half have to end COMPLETE.
        expect(plans.filter(({ staysCanceled }) => staysCanceled).length).toBeLessThan(jobs / 2);
      }
    },
  );

  it("and the inputs are the seed's", () => {
    for (const kind of KINDS) {
      const [first, again, other] = [7, 7, 8].map((seed) => kind.make(new Random(seed).fork(3)));

      expect(again).toEqual(first);
      expect(other).not.toEqual(first);
    }
  });
});

describe("the judgement of a run of chaos", () => {
  it("passes when everything happened and nothing broke", () => {
    const { problems, lines } = report({ outcomes, cells: filled(), kills: 4, left: [] }, 10);

    expect(problems).toEqual([]);
    expect(lines.join("\n")).not.toContain("MISSING");
  });

  it.each([
    ["a cell is empty", { cells: new Cells() }, "never happened: abort in MERGING"],
    ["too few kills", { kills: 3 }, "only 3 of 4 kills"],
    ["something is left", { left: ["an upload"] }, "left over: an upload"],
    ["a wrong output", { outcomes: [{ ...good(1), problems: ["wrong"] }] }, "1 (k): wrong"],
    ["too few COMPLETE", { outcomes: outcomes.slice(6) }, "only 4 of 10 jobs are COMPLETE"],
    ["a job that ended otherwise", { outcomes: [{ ...good(1), state: "FAILED" as const }] }, "1 (k) ended FAILED"],
    [
      "no WORKFLOW_LOST",
      { outcomes: outcomes.map((one) => ({ ...one, stops: [] })) },
      "no execution that was stopped ended in WORKFLOW_LOST",
    ],
  ])("fails: %s", (_, change, problem) => {
    const { problems } = report({ outcomes, cells: filled(), kills: 4, left: [], ...change }, 10);

    expect(problems).toContain(problem);
  });
});
