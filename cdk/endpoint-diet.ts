/**
 * The SDK's endpoint rules without what our functions never ask for. Every client carries its service's rules as a decision
 * diagram: nodes [condition, then, else], read from the root until a node's branch names a result. S3's has 552 nodes, most of
 * them for buckets that are named by an ARN, directory buckets, outposts and FIPS, dual-stack or accelerated endpoints.
 * Where such a question is answered with yes, the diagram now ends in an error that says so; what nothing leads to any more
 * is dropped. The other answers stay as they were, which the test compares with the SDK's own.
 */
import { runInNewContext } from "node:vm";

type Expression = string | number | boolean | { readonly [key: string]: unknown };
type Condition = readonly [fn: string, argv: readonly Expression[], assign?: string];
type Result = readonly unknown[];

interface Diagram {
  /** Triples; a branch ≥ RESULT is a result, any other the number of a node, from 1. */
  readonly nodes: readonly number[];
  readonly root: number;
  readonly conditions: readonly Condition[];
  readonly results: readonly Result[];
}

/** As in @smithy/core's decideEndpoint. */
const RESULT = 100_000_000;

const LEFT_OUT =
  "FIPS, dual-stack, accelerated, global and object lambda endpoints, directory buckets, outposts, and resources named by an ARN are not part of this bundle; see cdk/endpoint-diet.ts.";

/** The questions whose yes none of our functions gives: they name buckets and tables by their names, and set no such option. */
const NEVER: readonly RegExp[] = [
  /^\["booleanEquals",.*"(UseFIPS|UseDualStack|Accelerate|UseGlobalEndpoint|UseObjectLambdaEndpoint|UseS3ExpressControlEndpoint)"/,
  /"--(x|xa|op)-s3"/,
  /^\["aws\.parseArn"/,
];
const isNever = (condition: Condition): boolean => NEVER.some((question) => question.test(JSON.stringify(condition)));

/** @param source the text of a client's `endpoint/bdd.js` */
export function dietEndpoints(source: string): string {
  const { nodes, root, conditions, results } = shrink(readDiagram(source));
  // Results as −1, −2, …: nine digits each would be most of what is left.
  const short = nodes.map((value) => (value >= RESULT ? RESULT - 1 - value : value));
  return `import { BinaryDecisionDiagram } from "@smithy/core/endpoints";
const nodes = Int32Array.from(${JSON.stringify(short)}, (n) => n < 0 ? ${RESULT - 1} - n : n);
export const bdd = BinaryDecisionDiagram.from(nodes, ${root}, ${JSON.stringify(conditions)}, ${JSON.stringify(results)});`;
}

/** The module is data and builds nothing but its diagram. */
function readDiagram(source: string): Diagram {
  const [, body] = /^import .*?;\n(.*)$/s.exec(source) ?? [];
  const ends = /^export const bdd = BinaryDecisionDiagram\.from\((.*)\);$/m;
  if (body === undefined || !ends.test(body)) throw new Error("An endpoint/bdd.js of the SDK looks different now.");
  const text: unknown = runInNewContext(
    `(() => { ${body.replace(ends, "return JSON.stringify([[...nodes], root, _data.conditions, _data.results]);")} })()`,
  );
  const [nodes, root, conditions, results] = JSON.parse(String(text)) as [number[], number, Condition[], Result[]];
  return { nodes, root, conditions, results };
}

interface Node {
  readonly condition: number;
  readonly yes: number;
  readonly no: number;
}

function shrink(diagram: Diagram): Diagram {
  const conditions = diagram.conditions;
  const results = [...diagram.results, [-1, LEFT_OUT]];
  const error = RESULT + results.length - 1;
  const nodes = new Map<number, Node>();
  for (let i = 0; i * 3 < diagram.nodes.length; i++) {
    const [condition = 0, yes = 0, no = 0] = diagram.nodes.slice(i * 3, i * 3 + 3);
    const asked = conditions[condition];
    if (i === 0) continue; // the terminal that matches nothing: [-1, 1, -1]
    if (!asked || yes < 2 || no < 2) throw new Error(`Node ${i + 1} of an endpoint diagram isn't as expected.`);
    nodes.set(i + 1, { condition, yes: isNever(asked) ? error : yes, no });
  }
  let root = diagram.root;
  for (;;) {
    const next = simplify(nodes, root, conditions, results);
    if (next === undefined) break;
    root = next;
  }
  return renumber(nodes, root, conditions, results);
}

/** One round: nodes that decide nothing are stepped over, equal ones are joined. @returns the root, or undefined when nothing changed */
function simplify(
  nodes: Map<number, Node>,
  root: number,
  conditions: readonly Condition[],
  results: readonly Result[],
): number | undefined {
  const reached = reach(nodes, root);
  const used = JSON.stringify([
    [...new Set(reached.flatMap((n) => nodes.get(n)?.condition ?? []))].map((c) => conditions[c]?.slice(0, 2)),
    reached.flatMap((n) => (n >= RESULT ? [results[n - RESULT]] : [])),
  ]);
  const replaced = new Map<number, number>();
  const same = new Map<string, number>();
  for (const n of reached) {
    const node = nodes.get(n);
    const asked = node && conditions[node.condition];
    if (!node || !asked) continue;
    const [fn, , assign] = asked;
    const isRead = assign !== undefined && used.includes(assign);
    const key = `${node.condition},${node.yes},${node.no}`;
    const twin = same.get(key);
    if (fn === "ite" && !isRead)
      replaced.set(n, node.yes); // a text either way, and any text counts as yes
    else if (node.yes === node.no && !isRead) replaced.set(n, node.yes);
    else if (twin !== undefined) replaced.set(n, twin);
    else same.set(key, n);
  }
  if (replaced.size === 0) return undefined;
  const final = (n: number): number => {
    const next = replaced.get(n);
    return next === undefined ? n : final(next);
  };
  for (const [n, node] of nodes) nodes.set(n, { ...node, yes: final(node.yes), no: final(node.no) });
  return final(root);
}

/** Nodes and results that the root leads to, the root first. */
function reach(nodes: ReadonlyMap<number, Node>, root: number): readonly number[] {
  const seen = new Set<number>();
  const queue = [root];
  for (let n = queue.pop(); n !== undefined; n = queue.pop()) {
    if (seen.has(n)) continue;
    seen.add(n);
    const node = nodes.get(n);
    if (node) queue.push(node.no, node.yes);
  }
  return [...seen];
}

function renumber(
  nodes: ReadonlyMap<number, Node>,
  root: number,
  conditions: readonly Condition[],
  results: readonly Result[],
): Diagram {
  const reached = reach(nodes, root);
  const keptNodes = reached.flatMap((n) => nodes.get(n) ?? []);
  const keptConditions = [...new Set(keptNodes.map(({ condition }) => condition))].sort((a, b) => a - b);
  const keptResults = reached.filter((n) => n >= RESULT).sort((a, b) => a - b);
  const order = reached.filter((n) => n < RESULT);
  // Number 1 is the terminal that matches nothing, and stays in front.
  const numbers = new Map<number, number>([
    ...order.map((n, i) => [n, i + 2] as const),
    ...keptResults.map((n, i) => [n, RESULT + i] as const),
  ]);
  const numberOf = (n: number): number => numbers.get(n) ?? 1;
  return {
    nodes: [
      -1,
      1,
      -1,
      ...keptNodes.flatMap(({ condition, yes, no }) => [
        keptConditions.indexOf(condition),
        numberOf(yes),
        numberOf(no),
      ]),
    ],
    root: numberOf(root),
    conditions: keptConditions.flatMap((c) => [conditions[c] ?? []]) as readonly Condition[],
    results: keptResults.map((n) => results[n - RESULT] ?? []),
  };
}
