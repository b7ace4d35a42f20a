/**
 * tsx scripts/test.ts [LAYER…]: runs the layers of `npm test` (all, or those named), each to its end, against
 * AWS_ENDPOINT_URL when that is set, else against a private embedded emulator. The last line is the sum.
 */
import { type Emulator, startEmulator, stopEmulator } from "./emulator/emulator.ts";
import { emulatorEnvironment } from "./lib/aws-environment.ts";
import { LAYERS } from "./lib/layers.ts";
import { onInterrupt } from "./lib/run.ts";
import { runMain, ToolingError } from "./lib/tooling-error.ts";

let emulator: Emulator | undefined;

const stop = async () => {
  if (emulator) await stopEmulator(emulator);
  emulator = undefined;
};

/** Only the layers that need it get the endpoint, so that a unit test can't come to depend on an emulator. */
async function environmentFor(needsEmulator: boolean): Promise<NodeJS.ProcessEnv> {
  if (!needsEmulator) {
    const { AWS_ENDPOINT_URL: _, ...rest } = process.env;
    return rest;
  }
  if (process.env.AWS_ENDPOINT_URL) return emulatorEnvironment(process.env.AWS_ENDPOINT_URL);
  emulator ??= await startEmulator({ lifetime: "with-me", say: console.log });
  return emulatorEnvironment(emulator.endpoint);
}

await runMain(async () => {
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !LAYERS.some((layer) => layer.name === name));
  if (unknown.length > 0) {
    throw new ToolingError(
      `unknown layer ${unknown.join(", ")}; there are ${LAYERS.map((layer) => layer.name).join(", ")}`,
    );
  }
  onInterrupt(stop);
  const lines: string[] = [];
  const broken: string[] = [];
  let passed = 0;
  let failed = 0;
  try {
    for (const layer of LAYERS.filter((candidate) => names.length === 0 || names.includes(candidate.name))) {
      const reason = await layer.skip();
      if (reason !== undefined) {
        lines.push(`${layer.name.padEnd(12)} skipped: ${reason}`);
        continue;
      }
      console.log(`\n=== ${layer.name}`);
      const began = Date.now();
      const result = await layer.run(await environmentFor(layer.needsEmulator));
      passed += result.passed;
      failed += result.failed;
      if (result.failed > 0) broken.push(layer.name);
      const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : "";
      const seconds = ((Date.now() - began) / 1000).toFixed(0);
      lines.push(`${layer.name.padEnd(12)} ${result.passed} passed, ${result.failed} failed${skipped} (${seconds} s)`);
    }
  } finally {
    await stop();
  }
  console.log(`\n${lines.join("\n")}`);
  if (broken.length > 0)
    console.log(`To repeat what failed: ${broken.map((name) => `npm run test:${name}`).join(" ; ")}`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed > 0 ? 1 : 0;
});
