import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fingerprint } from "../../../scripts/deploy/fingerprint.ts";
import { outputsOf } from "../../../scripts/deploy/stack.ts";
import { family, listProcesses } from "../../../scripts/lib/processes.ts";
import { run } from "../../../scripts/lib/run.ts";
import { tally } from "../../../scripts/lib/vitest-report.ts";

describe("tally", () => {
  const report = (files: { status: string; tests: string[] }[], passed: number, failed: number) =>
    JSON.stringify({
      numPassedTests: passed,
      numFailedTests: failed,
      numPendingTests: 0,
      testResults: files.map((file) => ({
        status: file.status,
        assertionResults: file.tests.map((status) => ({ status })),
      })),
    });

  test("counts a file that can't be imported as a failure", () => {
    const text = report(
      [
        { status: "failed", tests: [] },
        { status: "passed", tests: ["passed"] },
      ],
      1,
      0,
    );

    expect(tally(text, 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });

  test("does not count a failing test's file a second time", () => {
    const text = report([{ status: "failed", tests: ["failed", "passed"] }], 1, 1);

    expect(tally(text, 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });

  test("counts a run that failed beside its tests, as by an unhandled error", () => {
    const text = report([{ status: "passed", tests: ["passed"] }], 1, 0);

    expect(tally(text, 1).failed).toBe(1);
    expect(tally(text, 0).failed).toBe(0);
  });
});

describe("family", () => {
  const row = (pid: number, parent: number, group: number) => ({ pid, parent, group, command: "" });

  test("holds descendants, and orphans of a group that one of them leads, but no neighbour", () => {
    const rows = [row(1, 0, 1), row(10, 1, 10), row(11, 10, 10), row(12, 11, 12), row(13, 1, 12), row(20, 1, 20)];

    const pids = family(10, rows).map(({ pid }) => pid);

    expect(pids.sort()).toEqual([10, 11, 12, 13]);
  });

  test("the process table holds this process with its command line", () => {
    const self = listProcesses().find(({ pid }) => pid === process.pid);

    expect(self?.command).toContain("node");
  });
});

describe("run", () => {
  test("kills a command with its children when its time is up", async () => {
    const marker = `600.${process.pid}`;

    const result = await run("bash", ["-c", `echo begun; sleep ${marker} & sleep ${marker}`], {
      env: { ...process.env, LC_ALL: "C" }, // bash complains of a locale that isn't installed
      timeoutMs: 3_000,
    });

    expect(result).toEqual({ code: 124, timedOut: true, text: "begun\n" });
    expect(listProcesses().filter(({ command }) => command === `sleep ${marker}`)).toEqual([]);
  });

  test("answers the exit code, and 128 + number for a signal", async () => {
    const codes = await Promise.all(["exit 7", "kill -TERM $$"].map((line) => run("bash", ["-c", line])));

    expect(codes.map(({ code }) => code)).toEqual([7, 143]);
  });
});

describe("fingerprint", () => {
  test("changes with the bytes of what is deployed and with the context, and with nothing else", async () => {
    const root = await mkdtemp(join(tmpdir(), "fingerprint-"));
    try {
      await mkdir(join(root, "core", "deep"), { recursive: true });
      await writeFile(join(root, "core", "deep", "a.ts"), "1");
      await writeFile(join(root, "README.md"), "1");
      const first = await fingerprint(root, { a: "1" });
      await writeFile(join(root, "README.md"), "2");
      const again = await fingerprint(root, { a: "1" });
      const context = await fingerprint(root, { a: "2" });
      await writeFile(join(root, "core", "deep", "a.ts"), "2");
      const bytes = await fingerprint(root, { a: "1" });

      expect(again).toBe(first);
      expect(new Set([first, context, bytes]).size).toBe(3);
    } finally {
      await rm(root, { recursive: true });
    }
  });
});

describe("outputsOf", () => {
  const stack = (ApiUrl: string) => ({
    StackName: "JobJob",
    CreationTime: new Date(0),
    StackStatus: "CREATE_COMPLETE" as const,
    Outputs: Object.entries({
      ApiUrl,
      BucketName: "b",
      TableName: "t",
      AdminKeySecretArn: "s",
      StateMachineArn: "m",
    }).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
  });

  test.each([
    [
      "https://03e3.execute-api.us-east-1.amazonaws.com/prod/",
      "http://127.0.0.1:4566/restapis/03e3/prod/_user_request_",
    ],
    [
      "https://a1.execute-api.localhost.localstack.cloud:4567/prod/",
      "http://127.0.0.1:4566/restapis/a1/prod/_user_request_",
    ],
  ])("turns %s into the address an emulator answers at", (given, expected) => {
    expect(outputsOf(stack(given), "http://127.0.0.1:4566").ApiUrl).toBe(expected);
  });

  test("keeps AWS's own address, without the slash", () => {
    const { ApiUrl } = outputsOf(stack("https://a1.execute-api.eu-west-1.amazonaws.com/prod/"), undefined);

    expect(ApiUrl).toBe("https://a1.execute-api.eu-west-1.amazonaws.com/prod");
  });
});
