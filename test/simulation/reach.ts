/**
 * Which methods of which ports each caller can come to call, read from the code: from the caller's entry in callers.ts along
 * every reference to a declaration of ours, with the compiler's own symbols. What is reached is the least that a run of the
 * simulation must have crashed before and behind.
 */
import { join, relative } from "node:path";
import ts from "typescript";
import type { Pair } from "./faults.ts";

const PORTS = new Set(["Table", "ObjectStore", "WorkflowPort", "NudgePort"]);
const ENTRIES = "test/simulation/callers.ts";
/** Where the calls of ports are: the engine, its blocks, and what the simulation has in place of a worker. */
const FOLLOWED = [
  "core/",
  "apps/assemblers/",
  "runtime/node/worker/hand-plan.ts",
  "test/simulation/app.ts",
  "test/simulation/catalog.ts",
  "lambdas/step-handler.ts",
  "lambdas/child-handler.ts",
];

export function readPairs(root: string): Pair[] {
  const entry = join(root, ENTRIES);
  const program = ts.createProgram([entry], optionsOf(root));
  const source = program.getSourceFile(entry);
  if (!source) throw new Error(`${ENTRIES} isn't there.`);
  const reach = new Reach(root, program.getTypeChecker());
  const pairs = callersIn(source).flatMap(({ name, node }) =>
    [...reach.from(node)].sort().map((method): Pair => ({ caller: name, method })),
  );
  if (pairs.length === 0) throw new Error(`No call of a port was found from ${ENTRIES}.`);
  return pairs;
}

function optionsOf(root: string): ts.CompilerOptions {
  const path = join(root, "tsconfig.json");
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  return { ...ts.parseJsonConfigFileContent(config, ts.sys, root).options, noEmit: true };
}

/** The properties of the exported tables: name → the code behind it. */
function callersIn(source: ts.SourceFile): { name: string; node: ts.Node }[] {
  const found: { name: string; node: ts.Node }[] = [];
  for (const statement of source.statements) {
    if (
      !ts.isVariableStatement(statement) ||
      !statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
    )
      continue;
    for (const { initializer } of statement.declarationList.declarations) {
      const table = initializer && ts.isSatisfiesExpression(initializer) ? initializer.expression : initializer;
      if (!table || !ts.isObjectLiteralExpression(table)) continue;
      for (const property of table.properties) {
        if (ts.isPropertyAssignment(property))
          found.push({ name: property.name.getText(source), node: property.initializer });
      }
    }
  }
  return found;
}

class Reach {
  readonly #root: string;
  readonly #checker: ts.TypeChecker;
  /** What a declaration calls and refers to itself. */
  readonly #known = new Map<ts.Node, { readonly calls: ReadonlySet<string>; readonly refers: ReadonlySet<ts.Node> }>();

  constructor(root: string, checker: ts.TypeChecker) {
    this.#root = root;
    this.#checker = checker;
  }

  from(entry: ts.Node): Set<string> {
    const calls = new Set<string>();
    const seen = new Set<ts.Node>([entry]);
    for (const node of seen) {
      const facts = this.#look(node);
      for (const call of facts.calls) calls.add(call);
      for (const referred of facts.refers) seen.add(referred);
    }
    return calls;
  }

  #look(node: ts.Node) {
    const known = this.#known.get(node);
    if (known) return known;
    const calls = new Set<string>();
    const refers = new Set<ts.Node>();
    const visit = (child: ts.Node): void => {
      if (ts.isTypeNode(child)) return;
      if (ts.isIdentifier(child) || ts.isPrivateIdentifier(child)) this.#follow(child, calls, refers);
      ts.forEachChild(child, visit);
    };
    visit(node);
    const facts = { calls, refers };
    this.#known.set(node, facts);
    return facts;
  }

  #follow(name: ts.Node, calls: Set<string>, refers: Set<ts.Node>): void {
    let symbol = this.#checker.getSymbolAtLocation(name);
    if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = this.#checker.getAliasedSymbol(symbol);
    for (const declaration of symbol?.declarations ?? []) {
      const port = declaration.parent;
      if (ts.isMethodSignature(declaration) && ts.isInterfaceDeclaration(port) && PORTS.has(port.name.text)) {
        calls.add(`${port.name.text}.${declaration.name.getText()}`);
      } else if (hasCode(declaration) && this.#isFollowed(declaration)) refers.add(declaration);
    }
  }

  #isFollowed(node: ts.Node): boolean {
    const file = relative(this.#root, node.getSourceFile().fileName);
    return FOLLOWED.some((start) => file.startsWith(start));
  }
}

/** A class stands for all its members: whoever makes one may call any. */
const hasCode = (node: ts.Node): boolean =>
  ts.isFunctionDeclaration(node) ||
  ts.isVariableDeclaration(node) ||
  ts.isClassDeclaration(node) ||
  ts.isMethodDeclaration(node);
