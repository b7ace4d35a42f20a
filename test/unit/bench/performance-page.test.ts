import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { atMost, atMostTimes, type Figure } from "../../../bench/lib/figure.ts";
import { writeResults } from "../../../bench/lib/report.ts";
import { fillBlocks, markdownTable } from "../../../bench/plot/blocks.ts";
import { type Chart, chartSvg } from "../../../bench/plot/chart.ts";
import { charts } from "../../../bench/plot/charts.ts";
import { blockOf, duration, type Material } from "../../../bench/plot/tables.ts";
import { limitsOf, simulate } from "../../../bench/scale/binding.ts";
import { INPUTS, readInputs } from "../../../bench/scale/inputs.ts";
import { type Results, readResults } from "../../../bench/scale/read-results.ts";
import { DRAWN, type Scenario } from "../../../bench/scale/scenarios.ts";

const figure = (name: string, value: number, more: Partial<Figure> = {}): Figure => ({
  name,
  value,
  unit: "s",
  ...more,
});

/** As the suites write them. */
const SUITES = [
  {
    suite: "scale",
    seconds: 1,
    figures: [
      figure("600 tasks on the emulator", 2),
      figure("1,000 tasks on the emulator", 3, { spread: 0.1, baseline: { name: "s by the model", value: 3.3 } }),
      figure("1,000 tasks: the model is off by", 10, { unit: "%", bar: atMost(20) }),
      figure(INPUTS.tinyTask.figure, 0.5, { unit: "ms" }),
      figure(INPUTS.around.figure, 0.05, { unit: "ms" }),
      figure("emulator: around the tasks", 1.2),
      figure("emulator: the Map beside its children", 0.2),
      figure("emulator: a child beside its tasks", 0.1),
      figure("emulator: a worker's first call, more", 0.2),
      figure("emulator: a task of a warm worker", 0.2, { unit: "ms" }),
      figure("emulator: processors' worth that children share", 1.5, { unit: "" }),
    ],
  },
  {
    suite: "api",
    seconds: 2,
    figures: [
      figure("list | 10,000 jobs", 20, {
        unit: "items",
        baseline: { name: "with 100", value: 20 },
        bar: atMostTimes(1),
      }),
      figure("never measured", Number.NaN, { bar: atMost(1) }),
    ],
    error: "the stack is gone",
  },
];

async function resultsOf(suites = SUITES): Promise<{ readonly path: string; readonly results: Results }> {
  const directory = await mkdtemp(join(tmpdir(), "jobjob-bench-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, "results.json");
  await writeResults(path, suites);
  const results = await readResults(path);
  if (!results) throw new Error("the results were written");
  return { path, results };
}

const SMALL: readonly Scenario[] = [
  {
    id: DRAWN,
    what: "the same",
    account: { lambdaConcurrency: 1_000, maxWorkers: 20 },
    work: {
      name: DRAWN,
      tasks: 20_000,
      declaredSeconds: 1,
      workers: 20,
      task: { seconds: 1, bytes: 0, objects: 0 },
      source: { kind: "none" },
      outputBytes: 0,
    },
  },
];

async function material(): Promise<Material> {
  const { results } = await resultsOf();
  const { inputs } = readInputs(results.suites);
  const told = SMALL.map((scenario) => ({
    scenario,
    limits: limitsOf(scenario.account),
    simulated: simulate(scenario.work, scenario.account, inputs),
  }));
  return { results, told };
}

describe("the blocks of a page", () => {
  const page =
    "before\n<!-- bench:begin one -->\nstale\n<!-- bench:end -->\nbetween\n<!-- bench:begin two -->\n<!-- bench:end -->\n";

  it("are filled, and what is written by hand stays", () => {
    const filled = fillBlocks(page, (name) => `new ${name}\n`);

    expect(filled).toBe(
      "before\n<!-- bench:begin one -->\nnew one\n<!-- bench:end -->\nbetween\n<!-- bench:begin two -->\nnew two\n<!-- bench:end -->\n",
    );
    expect(fillBlocks(filled, (name) => `new ${name}`)).toBe(filled);
  });

  it.each([
    ["a begin without an end", page.replace("<!-- bench:end -->\n", "")],
    ["an end without a begin", `${page}<!-- bench:end -->\n`],
  ])("with %s are refused", (_, broken) => {
    expect(() => fillBlocks(broken, () => "new")).toThrow(RangeError);
  });

  it("a cell's bar doesn't end it", () => {
    expect(markdownTable(["a"], [["x | y"]])).toBe("| a |\n|---|\n| x \\| y |");
  });
});

describe("docs/performance.md", () => {
  it("can be filled, all of it, from any results", async () => {
    const made = await material();

    const page = fillBlocks(await readFile("docs/performance.md", "utf8"), (name) => blockOf(name, made));

    expect(page).toMatch(/Measured on \d{4}-\d\d-\d\d: \d+ processors/);
    expect(page).toContain("The suite `merging` is not in the results that this page was made from.");
  });

  it("shows the charts that the generator makes, and no others", async () => {
    const page = await readFile("docs/performance.md", "utf8");
    const shown = [...page.matchAll(/\]\(img\/([^)]+)\)/g)].map(([, name]) => name).sort();

    const made = [...charts(await material()).keys()].sort();

    // Of the made-up results there is no job of small objects.
    expect(shown).toEqual([...made, "utilisation.svg"].sort());
  });

  it("an unknown block is a mistake of the page", async () => {
    const made = await material();

    expect(() => blockOf("scenarois", made)).toThrow(/scenarois/);
  });
});

describe("the tables", () => {
  it("have a suite's figures with baseline, bar and verdict, and say why it broke off", async () => {
    const table = blockOf("suite api", await material());

    expect(table).toContain("| list \\| 10,000 jobs | 20 items | 20 with 100 | at most 1 ×; is 1 × | pass |");
    expect(table).toContain("| never measured | NaN s |  | at most 1 | FAIL |");
    expect(table).toContain("The suite broke off: the stack is gone");
  });

  it("fold what has no bar", async () => {
    const { results } = await resultsOf();
    const suites = [{ suite: "s", seconds: 1, figures: [figure("held", 1, { bar: atMost(2) }), figure("told", 3)] }];

    const table = blockOf("suite s", { results: { ...results, suites }, told: [] });

    expect(table.indexOf("| held |")).toBeLessThan(table.indexOf("<details><summary>All others: 1</summary>"));
    expect(table.indexOf("| told |")).toBeGreaterThan(table.indexOf("<details>"));
  });

  it("have the sizes with the model beside them", async () => {
    const table = blockOf("sizes", await material());

    expect(table).toContain("| 1,000 tasks on the emulator | 3 s ± 5 % | 3.3 s by the model |  |  |");
    expect(table).toContain("| 1,000 tasks: the model is off by | 10 % |  | at most 20 | pass |");
    expect(table).not.toContain("emulator: around");
  });

  it("say of each input where it was measured, or that it was recorded earlier", async () => {
    const table = blockOf("inputs", await material());

    expect(table).toContain(`| 0.5 ms | suite \`scale\`: ${INPUTS.tinyTask.figure} |`);
    expect(table).toMatch(/word-count.*recorded earlier/);
  });

  it("have each job's time, cost, and what binds", async () => {
    const made = await material();

    expect(blockOf("scenarios", made)).toMatch(/20,000 in 112 of 180 \| \d+ min \d+ s .* \| \$0\.\d+ \|/);
    expect(blockOf("binding", made)).toMatch(/workers \(`maxWorkers`\): /);
    expect(blockOf("answers", made)).toContain("- **workers (`maxWorkers`)**: ");
    expect(blockOf("peaks", made)).toContain("| 100 % |");
  });

  it.each([
    [95.4, "95 s"],
    [200, "3 min 20 s"],
    [5_000, "1 h 23 min"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe("results", () => {
  it("of suites that weren't run again stay, those of one that was are replaced", async () => {
    const { path } = await resultsOf();

    await writeResults(path, [{ suite: "api", seconds: 1, figures: [figure("new", 1)] }]);

    const again = await readResults(path);
    expect(again?.suites.map(({ suite, figures }) => [suite, figures.length])).toEqual([
      ["scale", SUITES[0]?.figures.length],
      ["api", 1],
    ]);
  });

  it("of another machine go", async () => {
    const { path, results } = await resultsOf();
    const machine = { ...results.machine, model: "another" };
    await writeFile(path, JSON.stringify({ ...results, machine }));

    await writeResults(path, [{ suite: "api", seconds: 1, figures: [] }]);

    expect((await readResults(path))?.suites.map(({ suite }) => suite)).toEqual(["api"]);
  });

  it("that don't exist yet are none", async () => {
    expect(await readResults(join(tmpdir(), "no-such-results.json"))).toBeUndefined();
  });
});

describe("a chart", () => {
  const chart: Chart = {
    title: "a < b & c",
    x: { label: "tasks", kind: "log" },
    y: { label: "seconds", kind: "linear" },
    series: [
      {
        name: "model",
        kind: "line",
        points: [
          [1, 0],
          [10, 50],
          [1_000, 100],
        ],
      },
      { name: "measured", kind: "points", points: [[100, 75]] },
    ],
  };

  it("has each point where its value stands", () => {
    const svg = chartSvg(chart);

    // The frame: 76 … 720 across for 1 … 1,000, 316 … 46 up for 0 … 100.
    expect(svg).toContain('d="M76 316L290.7 181L720 46"');
    expect(svg).toContain('<circle cx="505.3" cy="113.5"');
  });

  it("names its axes, series and ticks", () => {
    const texts = [...chartSvg(chart).matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);

    expect(texts).toEqual(
      expect.arrayContaining([
        "a &lt; b &amp; c",
        "tasks",
        "seconds",
        "model",
        "measured",
        "1",
        "10",
        "100",
        "1,000",
        "20",
      ]),
    );
  });

  it("has room for many names", () => {
    const names = Array.from({ length: 5 }, (_, i) => `a rather long name, number ${i}`);

    const points: Chart["series"][number]["points"] = [[1, 0]];
    const svg = chartSvg({ ...chart, series: names.map((name) => ({ name, kind: "line", points })) });

    expect(svg).toContain('viewBox="0 0 760 444"');
    for (const [, x] of svg.matchAll(/<text x="([\d.]+)" y="[\d.]+">a rather/g)) expect(Number(x)).toBeLessThan(560);
  });

  it("is readable on a dark page too", () => {
    expect(chartSvg(chart)).toMatch(/prefers-color-scheme: dark\) { text { fill: #[c-f]/);
  });

  it("without points, or with one that can't be shown, is refused", () => {
    const withPoints = (points: readonly (readonly [number, number])[]): Chart => ({
      ...chart,
      series: [{ name: "s", kind: "line", points }],
    });

    expect(() => chartSvg(withPoints([]))).toThrow(RangeError);
    expect(() => chartSvg(withPoints([[0, 1]]))).toThrow(/logarithmic/);
    expect(() => chartSvg(withPoints([[1, Number.NaN]]))).toThrow(RangeError);
  });

  it("of the generator holds numbers only", async () => {
    for (const [name, made] of charts(await material())) expect(chartSvg(made), name).not.toMatch(/NaN|Infinity/);
  });
});
