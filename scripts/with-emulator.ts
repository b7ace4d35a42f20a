/**
 * tsx scripts/with-emulator.ts -- COMMAND ARGS…: runs a command against AWS_ENDPOINT_URL when that is set, else
 * against a private emulator that ends with the command. Exits with the command's code.
 */
import { startEmulator, stopEmulator } from "./emulator/emulator.ts";
import { emulatorEnvironment } from "./lib/aws-environment.ts";
import { onInterrupt, run } from "./lib/run.ts";
import { runMain } from "./lib/tooling-error.ts";

await runMain(async () => {
  const [command, ...args] = process.argv.slice(process.argv[2] === "--" ? 3 : 2);
  if (command === undefined) {
    console.error("usage: tsx scripts/with-emulator.ts -- COMMAND [ARGS…]");
    return 2;
  }
  const given = process.env.AWS_ENDPOINT_URL;
  if (given) return (await run(command, args, { env: emulatorEnvironment(given), output: "inherit" })).code;
  const emulator = await startEmulator({ lifetime: "with-me", say: console.error });
  const stop = async () => {
    await stopEmulator(emulator);
  };
  onInterrupt(stop);
  try {
    return (await run(command, args, { env: emulatorEnvironment(emulator.endpoint), output: "inherit" })).code;
  } finally {
    await stop();
  }
});
