/** tsx scripts/emulator/main.ts start | stop | status: the checkout's shared emulator. */
import { runMain } from "../lib/tooling-error.ts";
import { emulatorStatus, ensureEmulator, stopEmulator } from "./emulator.ts";

await runMain(async () => {
  const command = process.argv[2];
  switch (command) {
    case "start": {
      const emulator = await ensureEmulator({ say: console.log });
      console.log(
        `export AWS_ENDPOINT_URL=${emulator.endpoint} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test`,
      );
      return 0;
    }
    case "stop":
      console.log((await stopEmulator()) ? "emulator: stopped" : "emulator: none was running");
      return 0;
    case "status": {
      const emulator = await emulatorStatus();
      console.log(
        emulator
          ? `emulator: ${emulator.endpoint}, pid ${emulator.pid}, since ${emulator.startedAt}`
          : "emulator: not running",
      );
      return emulator ? 0 : 1;
    }
    default:
      console.error("usage: npm run emulator -- start | stop | status");
      return 2;
  }
});
