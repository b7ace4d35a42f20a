/** Every error code that the source can give, found in the source itself: docs/guide/failures.md has a row for each. */
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import ts from "typescript";
import { ENVIRONMENT } from "../../core/contracts/environment.ts";
import { LOG_EVENTS } from "../../core/contracts/log-events.ts";
import { JOB_STATES } from "../../core/states/job-states.ts";
import { TASK_STATES } from "../../core/states/task-states.ts";
import { JOB_WORDS } from "../../core/states/views.ts";
import { ROOT } from "../lib/paths.ts";

/** `cdk` for the gateway's own refusals alone: its other words are AWS's. */
const FOLDERS = ["core", "apps", "runtime", "lambdas", "adapters", "cdk"] as const;
/** Calls that take a code, and as which argument. */
const CODE_ARGUMENT: Readonly<Record<string, number>> = { ApiError: 1, conflict: 0, refuse: 3 };
const SHOUTED = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/;

/** Words in the form of a code that are none, unless they stand where a code stands. */
const OTHER_WORDS: ReadonlySet<string> = new Set<string>([
  ...JOB_STATES,
  ...TASK_STATES,
  ...Object.keys(JOB_WORDS),
  ...Object.keys(LOG_EVENTS),
  ...Object.values(ENVIRONMENT),
  "START_AT", // what a job may wait for
  "EXECUTION_PRIORITY_UNDEFINED", // ByteNite's priority
  "PENDING_REDRIVE", // a status of Step Functions
  "WHEN_REQUIRED", // a setting of the AWS SDK
  "ERR_WORKER_OUT_OF_MEMORY", // Node's
]);

/** Code → files that give it, both sorted. */
export async function errorCodes(root = ROOT): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, Set<string>>();
  for (const folder of FOLDERS) {
    for (const file of await sourceFiles(join(root, folder))) {
      const path = relative(root, file).split(sep).join("/");
      const source = ts.createSourceFile(path, await readFile(file, "utf8"), ts.ScriptTarget.Latest, true);
      for (const code of codesIn(source, folder !== "cdk")) found.set(code, (found.get(code) ?? new Set()).add(path));
    }
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, paths]) => [code, [...paths].sort()]));
}

async function sourceFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** @param anywhere whether a word with an underscore counts wherever it stands; else only where a code stands */
function codesIn(source: ts.SourceFile, anywhere: boolean): ReadonlySet<string> {
  const codes = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) && SHOUTED.test(node.text)) {
      const isWord = anywhere && node.text.includes("_") && !OTHER_WORDS.has(node.text) && !isAsked(node);
      if (isWord || isCode(node)) codes.add(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return codes;
}

/** Compared with, matched, or a type: that an error has the code, not the error itself. */
function isAsked({ parent }: ts.Node): boolean {
  return (
    ts.isLiteralTypeNode(parent) ||
    ts.isCaseClause(parent) ||
    (ts.isBinaryExpression(parent) &&
      [ts.SyntaxKind.EqualsEqualsEqualsToken, ts.SyntaxKind.ExclamationEqualsEqualsToken].includes(
        parent.operatorToken.kind,
      ))
  );
}

/** `code: "X"`, `reason: "X"`, `code: … ? "X" : …`, `code = "X"`, `code ?? "X"`, an argument that is a code. */
function isCode(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isConditionalExpression(parent)) return parent.condition !== node && isCode(parent);
  if (ts.isBinaryExpression(parent))
    return parent.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken && isCode(parent);
  if (ts.isPropertyAssignment(parent) || ts.isParameter(parent))
    return ["code", "reason"].includes(parent.name.getText());
  if (ts.isCallExpression(parent) || ts.isNewExpression(parent)) {
    const at = CODE_ARGUMENT[parent.expression.getText()];
    return at !== undefined && parent.arguments?.[at] === node;
  }
  return false;
}
