/** Something about the machine or the deployment stands in the way; the message says what to do. Print it without a stack. */
export class ToolingError extends Error {
  override readonly name = "ToolingError";
}

/** Runs a script's main function; a ToolingError becomes its message and exit code 1, anything else keeps its stack. */
export async function runMain(main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof ToolingError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
