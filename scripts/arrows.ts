/**
 * Checks the arrows between packages: in every manifest, and in every import of `src` and `test`. Modules of a package may not import each
 * other in a circle (types may), and a manifest may not name a dependency of this repository that its `src` does not import.
 * The table below is the law; docs/architecture.md draws it.
 */
import { readFileSync } from "node:fs"
import { builtinModules } from "node:module"
import { dirname, join, normalize } from "node:path"
import { type Argument, parseSync, Visitor } from "oxc-parser"
import { filesBelow, isMain, report, repository, type Workspace, workspaces } from "./workspace.js"

interface Arrows {
  /** The packages of this repository that it may import. */
  readonly workspace: ReadonlyArray<string>
  /** The Effect packages that it may import. */
  readonly effect: ReadonlyArray<string>
  /** Where it runs. Packages that run everywhere may not import Node's own modules from `src`. */
  readonly runsOn: "everywhere" | "browser" | "node"
  /** The files of a package that runs everywhere which are for Node alone. */
  readonly nodeOnly?: RegExp
}

const scope = "@effect-smallest/"

const arrows: Record<string, Arrows> = {
  core: { workspace: [], effect: ["effect", "@effect/platform"], runsOn: "everywhere" },
  stream: {
    workspace: ["core"],
    effect: ["effect", "@effect/platform"],
    runsOn: "everywhere"
  },
  waves: { workspace: ["core", "stream"], effect: ["effect", "@effect/platform"], runsOn: "everywhere" },
  proxy: {
    workspace: ["core", "stream"],
    effect: ["effect", "@effect/platform", "@effect/experimental"],
    runsOn: "everywhere"
  },
  local: {
    workspace: ["core"],
    effect: ["effect", "@effect/platform"],
    runsOn: "everywhere",
    nodeOnly: /\/(node([A-Z]\w*)?|\w+Node)\.(ts|mjs)$/
  },
  "platform-node": {
    workspace: ["core", "stream", "waves"],
    effect: ["effect", "@effect/platform", "@effect/platform-node"],
    runsOn: "node"
  },
  "platform-browser": {
    workspace: ["core", "stream", "proxy"],
    effect: ["effect", "@effect/platform", "@effect/platform-browser"],
    runsOn: "browser"
  },
  testing: {
    workspace: ["core", "stream"],
    effect: ["effect", "@effect/platform", "@effect/vitest"],
    runsOn: "everywhere"
  },
  emulator: {
    workspace: ["core", "local"],
    effect: ["effect", "@effect/platform", "@effect/platform-node"],
    runsOn: "node"
  },
  narration: {
    workspace: ["core", "stream"],
    effect: [
      "effect",
      "@effect/platform",
      "@effect/cluster",
      "@effect/experimental",
      "@effect/rpc",
      "@effect/sql",
      "@effect/sql-libsql",
      "@effect/workflow"
    ],
    runsOn: "node"
  },
  cli: {
    workspace: ["core", "stream", "waves", "local", "platform-node", "emulator", "narration"],
    effect: [
      "effect",
      "@effect/platform",
      "@effect/platform-node",
      "@effect/cli",
      "@effect/printer",
      "@effect/printer-ansi"
    ],
    runsOn: "node"
  }
}

/** What any package's `test` may import beyond what its `src` may. */
const testLibraries = ["vitest", "@effect/vitest", "@vitest/browser", "ws", `${scope}test-support`]

const builtins = new Set(builtinModules)
const isBuiltin = (specifier: string) => specifier.startsWith("node:") || builtins.has(specifier)

/** "effect/Effect" is of "effect", "@effect/platform/HttpClient" of "@effect/platform". */
const packageOf = (specifier: string) => specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/")

interface Import {
  readonly specifier: string
  readonly line: number
  /** Whether nothing of it is left at run time. */
  readonly isType: boolean
}

/** What a module names of other modules and files, with line numbers: imports of every kind, and its asset URLs. */
export const importsOf = (source: string, file = "module.ts"): Array<Import> => {
  const { errors, program } = parseSync(file, source)
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message ?? "cannot be parsed"}`)
  const found: Array<Import> = []
  const add = (node: { readonly start: number } | null | undefined, specifier: unknown, isType: boolean) => {
    if (!node || typeof specifier !== "string") return
    found.push({ specifier, line: source.slice(0, node.start).split("\n").length, isType })
  }
  const addExpression = (node: { readonly start: number }, argument: Argument | undefined) => {
    if (argument?.type === "Literal") add(node, argument.value, false)
    if (argument?.type === "TemplateLiteral" && argument.expressions.length === 0) {
      add(node, argument.quasis[0]?.value.cooked, false)
    }
  }
  const onlyTypes = (kinds: ReadonlyArray<string | undefined>) =>
    kinds.length > 0 && kinds.every((kind) => kind === "type")
  new Visitor({
    ImportDeclaration: (node) =>
      add(
        node,
        node.source.value,
        node.importKind === "type" ||
          onlyTypes(node.specifiers.map((one) => one.type === "ImportSpecifier" ? one.importKind : undefined))
      ),
    ExportNamedDeclaration: (node) =>
      add(
        node,
        node.source?.value,
        node.exportKind === "type" || onlyTypes(node.specifiers.map(({ exportKind }) => exportKind))
      ),
    ExportAllDeclaration: (node) => add(node, node.source.value, node.exportKind === "type"),
    ImportExpression: (node) => addExpression(node, node.source),
    TSImportType: (node) => add(node, node.source.value, true),
    TSExternalModuleReference: (node) => add(node, node.expression.value, false),
    TSModuleDeclaration: (node) => add(node, node.id.type === "Literal" ? node.id.value : undefined, true),
    CallExpression: (node) => {
      const callee = source.slice(node.callee.start, node.callee.end)
      if (callee === "import.meta.resolve" || callee === "require") addExpression(node, node.arguments[0])
    },
    NewExpression: (node) => {
      const [path, base] = node.arguments
      const isAsset = source.slice(node.callee.start, node.callee.end) === "URL" && base !== undefined &&
        source.slice(base.start, base.end) === "import.meta.url"
      if (isAsset && path?.type === "Literal" && typeof path.value === "string" && path.value.startsWith(".")) {
        add(node, path.value, false)
      }
    }
  }).visit(program)
  return found.sort((a, b) => a.line - b.line)
}

const manifestProblems = ({ id, manifest, path }: Workspace, isPrivate: ReadonlySet<string>): Array<string> => {
  const rule = arrows[id]
  const where = `${path}/package.json`
  const runtime = { ...manifest.dependencies, ...manifest.peerDependencies }
  const all = { ...runtime, ...manifest.devDependencies }
  return Object.keys(all).flatMap((name) => {
    if (testLibraries.includes(name) && !(name in runtime)) {
      return []
    }
    if (isPrivate.has(name)) {
      return [`${where}: depends on ${name}, a private workspace. Nothing may import it.`]
    }
    if (rule === undefined) {
      return []
    }
    if (name.startsWith(scope) && !rule.workspace.includes(name.slice(scope.length))) {
      return [`${where}: ${id} may not depend on ${name}. It may depend on: ${list(rule.workspace)}.`]
    }
    if (isEffect(name) && name in runtime && !rule.effect.includes(name)) {
      return [`${where}: ${id} may not depend on ${name}. It may depend on: ${list(rule.effect)}.`]
    }
    return []
  })
}

const importProblems = (root: string, workspace: Workspace, isPrivate: ReadonlySet<string>): Array<string> => {
  const { id, manifest, path } = workspace
  const rule = arrows[id]
  const runtime = { ...manifest.dependencies, ...manifest.peerDependencies }
  return filesBelow(root, path).filter((file) => /\.(ts|mts|mjs|js|tsx)$/.test(file)).flatMap((file) => {
    const inSource = file.startsWith(`${path}/src/`)
    const inTest = file.startsWith(`${path}/test/`)
    return importsOf(readFileSync(join(root, file), "utf8"), file).flatMap(({ line, specifier }) => {
      const problem = (sentence: string) => [`${file}:${line}: ${sentence}`]
      if (specifier.startsWith(".")) {
        const target = normalize(join(dirname(file), specifier))
        if ((inSource || inTest) && !target.startsWith(`${path}/`)) {
          return problem(`imports "${specifier}", which lies outside of ${path}. Import the package by its name.`)
        }
        return inSource && !target.startsWith(`${path}/src/`) && target !== `${path}/package.json` // npm packs it anyway
          ? problem(`imports "${specifier}", which is not in ${path}/src and so is not published.`)
          : []
      }
      const name = packageOf(specifier)
      if (inTest && testLibraries.includes(name)) {
        return []
      }
      if (isPrivate.has(name)) {
        return problem(`imports ${name}, a private workspace. Nothing may import it.`)
      }
      if (rule === undefined || !(inSource || inTest)) {
        return []
      }
      if (isBuiltin(specifier)) {
        return inSource && rule.runsOn !== "node" && !rule.nodeOnly?.test(file)
          ? problem(`imports "${specifier}", but ${id} also runs in browsers. Ask for a service of @effect/platform.`)
          : []
      }
      if (name.startsWith(scope)) {
        return name !== manifest.name && !rule.workspace.includes(name.slice(scope.length))
          ? problem(`${id} may not import ${name}. It may import: ${list(rule.workspace)}.`)
          : []
      }
      if (isEffect(name) && !rule.effect.includes(name)) {
        return problem(`${id} may not import ${name}. It may import: ${list(rule.effect)}.`)
      }
      return name in runtime
        ? []
        : problem(`imports ${name}, which ${path}/package.json names in neither dependencies nor peerDependencies.`)
    })
  })
}

/** One circle of value imports, the shortest, for each group of modules that import each other. */
export const circlesOf = (modules: ReadonlyMap<string, ReadonlyArray<string>>): Array<ReadonlyArray<string>> => {
  /** How each module that can be reached from `from` is reached first. */
  const reach = (from: string) => {
    const paths = new Map<string, ReadonlyArray<string>>()
    const waiting: Array<ReadonlyArray<string>> = [[from]]
    for (const path of waiting) {
      for (const next of modules.get(path.at(-1) ?? from) ?? []) {
        if (paths.has(next)) continue
        paths.set(next, [...path, next])
        waiting.push([...path, next])
      }
    }
    return paths
  }
  const reported = new Set<string>()
  const circles: Array<ReadonlyArray<string>> = []
  for (const module of modules.keys()) {
    if (reported.has(module)) continue
    const paths = reach(module)
    const circle = paths.get(module)
    if (circle === undefined) continue
    circles.push(circle)
    for (const other of paths.keys()) if (reach(other).has(module)) reported.add(other)
  }
  return circles
}

const sourceOf = (target: string, files: ReadonlySet<string>): string | undefined =>
  [target, target.replace(/\.js$/, ".ts"), target.replace(/\.mjs$/, ".mts")].find((file) => files.has(file))

const circleProblems = (root: string, { manifest, path }: Workspace): Array<string> => {
  const files = new Set(filesBelow(root, `${path}/src`).filter((file) => /\.(ts|mts|mjs|js|tsx)$/.test(file)))
  const resolve = (file: string, specifier: string): string | undefined =>
    specifier.startsWith(".")
      ? sourceOf(normalize(join(dirname(file), specifier)), files)
      : packageOf(specifier) === manifest.name
      ? sourceOf(`${path}/src/${specifier.slice(manifest.name.length + 1) || "index"}.ts`, files)
      : undefined
  const modules = new Map([...files].map((file) => [
    file,
    importsOf(readFileSync(join(root, file), "utf8"), file).flatMap(({ isType, specifier }) =>
      isType ? [] : resolve(file, specifier) ?? []
    )
  ]))
  return circlesOf(modules).map((circle) =>
    `${circle[0]}: imports itself through ${circle.slice(1).join(" -> ")}. Move what both need to a module of its own.`
  )
}

const peersOfEffect: Record<string, ReadonlyArray<string>> = {
  "@effect/cli": ["@effect/printer", "@effect/printer-ansi"],
  "@effect/cluster": ["@effect/experimental", "@effect/rpc", "@effect/sql", "@effect/workflow"]
}

/** Whether a package brings a dependency only because one that it imports asks for it as a peer. */
const broughtFor = (name: string, dependencies: Record<string, string>, all: ReadonlyArray<Workspace>): boolean =>
  Object.entries(peersOfEffect).some(([asking, peers]) => asking in dependencies && peers.includes(name)) ||
  all.some(({ manifest }) => manifest.name in dependencies && name in (manifest.peerDependencies ?? {}))

const unusedProblems = (
  root: string,
  { id, manifest, path }: Workspace,
  all: ReadonlyArray<Workspace>
): Array<string> => {
  if (arrows[id] === undefined) return []
  const imported = new Set(
    filesBelow(root, `${path}/src`).filter((file) => /\.(ts|mts|mjs|js|tsx)$/.test(file))
      .flatMap((file) =>
        importsOf(readFileSync(join(root, file), "utf8"), file).map(({ specifier }) => packageOf(specifier))
      )
  )
  return Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    .filter((name) => (name.startsWith(scope) || name.startsWith("@effect/")) && !imported.has(name))
    .filter((name) => !broughtFor(name, manifest.dependencies ?? {}, all))
    .map((name) => `${path}/package.json: depends on ${name}, which nothing in ${path}/src imports.`)
}

const isEffect = (name: string) => name === "effect" || name.startsWith("@effect/")

const list = (names: ReadonlyArray<string>) => names.length === 0 ? "none" : names.join(", ")

/** One sentence per broken arrow. */
export const brokenArrows = (root: string): Array<string> => {
  const all = workspaces(root)
  const isPrivate = new Set(all.filter(({ manifest }) => manifest.private).map(({ manifest }) => manifest.name))
  return all.flatMap((workspace) => {
    if (workspace.path.startsWith("packages/") && arrows[workspace.id] === undefined) {
      return [`${workspace.path}: has no arrows. Add it to the table in scripts/arrows.ts and to docs/architecture.md.`]
    }
    return [
      ...manifestProblems(workspace, isPrivate),
      ...importProblems(root, workspace, isPrivate),
      ...(workspace.path.startsWith("packages/") ? circleProblems(root, workspace) : []),
      ...(workspace.path.startsWith("packages/") ? unusedProblems(root, workspace, all) : [])
    ]
  })
}

if (isMain(import.meta.filename)) {
  report(brokenArrows(repository), "Every arrow between packages holds.")
}
