import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./paths.ts";
import { run } from "./run.ts";
import { type Tally, tally } from "./vitest-report.ts";

const MINUTE_MS = 60_000;

/** One part of `npm test`. A check counts as one test; a test layer counts its tests. */
export interface Layer {
  readonly name: string;
  /** Gets AWS_ENDPOINT_URL and deploys or makes tables there. */
  readonly needsEmulator: boolean;
  /** Why there is nothing to run, or undefined. */
  readonly skip: () => Promise<string | undefined>;
  readonly run: (environment: NodeJS.ProcessEnv) => Promise<Tally>;
}

function check(
  name: string,
  args: readonly [string, ...string[]],
  skip: () => string | undefined = () => undefined,
): Layer {
  const [tool, ...rest] = args;
  return {
    name,
    needsEmulator: false,
    skip: async () => skip(),
    run: async (environment) => {
      const program = join(ROOT, "node_modules", tool);
      const { code } = await run(process.execPath, [program, ...rest], {
        cwd: ROOT,
        env: environment,
        output: "inherit",
        timeoutMs: 10 * MINUTE_MS,
      });
      return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
    },
  };
}

/** Without its entry points knip takes what only they use for unused. */
function missingEntryPoint(): string | undefined {
  const missing = ["cdk/app.ts", "cli/bin.mjs", "demo/main.ts", "lambdas/api/index.ts"].find(
    (file) => !existsSync(join(ROOT, file)),
  );
  return missing && `there is no ${missing} yet`;
}

function tests(name: string, timeoutMs: number, needsEmulator = false): Layer {
  return {
    name,
    needsEmulator,
    skip: async () => ((await hasTests(name)) ? undefined : `no test files in test/${name}`),
    run: (environment) => runVitest(name, timeoutMs, environment),
  };
}

async function hasTests(name: string): Promise<boolean> {
  const folder = join(ROOT, "test", name);
  return existsSync(folder) && (await readdir(folder, { recursive: true })).some((file) => file.endsWith(".test.ts"));
}

async function runVitest(project: string, timeoutMs: number, environment: NodeJS.ProcessEnv): Promise<Tally> {
  const folder = await mkdtemp(join(tmpdir(), "jobjob-tests-"));
  const report = join(folder, "report.json");
  try {
    const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
    const args = [
      vitest,
      "run",
      // Those that must run alone have a project of their own (vitest.config.ts).
      `--project=${project}`,
      `--project=${project}-*`,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
    ];
    const result = await run(process.execPath, args, { cwd: ROOT, env: environment, output: "inherit", timeoutMs });
    if (result.timedOut)
      console.error(`${project}: did not end within ${timeoutMs / MINUTE_MS} minutes and was stopped`);
    if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
    return tally(await readFile(report, "utf8"), result.code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Everything `npm test` runs, in order: the cheap ones first. */
export const LAYERS: readonly Layer[] = [
  check("typecheck", ["typescript/bin/tsc", "--noEmit", "-p", "."]),
  check("lint", ["@biomejs/biome/bin/biome", "check", "."]),
  check("knip", ["knip/bin/knip.js"], missingEntryPoint),
  tests("unit", 40 * MINUTE_MS),
  tests("property", 30 * MINUTE_MS),
  tests("simulation", 30 * MINUTE_MS),
  tests("conformance", 15 * MINUTE_MS, true),
  tests("integration", 45 * MINUTE_MS, true),
];
