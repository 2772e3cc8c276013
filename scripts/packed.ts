/**
 * Tries the packages as a stranger gets them. Builds and packs every public package, asks publint and attw about each
 * tarball, then serves the tarballs as a registry of the `@effect-smallest` scope on localhost, so that the install
 * line of README.md runs in an empty project letter for letter, and the program of README.md after it.
 */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onEveryRuntime } from "./runtimes.js"
import { isMain, type Manifest, readerEnvironment, report, repository, workspaces } from "./workspace.js"

const program = "examples/src/readme.ts"

interface Outcome {
  readonly code: number
  readonly output: string
}

const run = (directory: string, command: string, ...args: ReadonlyArray<string>) =>
  new Promise<Outcome>((resolve) => {
    const child = spawn(command, args, { cwd: directory, env: readerEnvironment(), stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    child.stdout.on("data", (data) => output += data)
    child.stderr.on("data", (data) => output += data)
    child.on("error", (error) => resolve({ code: 1, output: error.message }))
    child.on("close", (code) => resolve({ code: code ?? 1, output }))
  })

const bin = (name: string) => join(repository, "node_modules/.bin", name)

/** The one command between `<!-- install -->` and `<!-- /install -->`. */
export const installLine = (readme: string): string | undefined =>
  /<!-- install -->\s*```sh[^\n]*\n([\s\S]*?)\n```\s*<!-- \/install -->/.exec(readme)?.[1]?.replace(/\\\n\s*/g, "")

/** What is wrong with an install line: each package has to be pinned, ours to the version that is packed. */
export const installLineProblems = (line: string, manifests: ReadonlyArray<Manifest>): Array<string> =>
  line.split(/\s+/).slice(2).filter((word) => !word.startsWith("-")).flatMap((word) => {
    const [, name = word, version] = /^(@?[^@]+)@(.+)$/.exec(word) ?? []
    if (version === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
      return [`README.md: the install line does not pin an exact version of ${name}.`]
    }
    const own = manifests.find((manifest) => manifest.name === name)
    return own !== undefined && own.version !== version
      ? [`README.md: the install line says ${word}, but this is version ${own.version}.`]
      : []
  })

/** What is wrong with a file that should be a WAV of audible speech of more than a second. */
export const wavProblems = (bytes: Buffer): Array<string> => {
  if (bytes.length < 44 || bytes.toString("latin1", 0, 4) !== "RIFF" || bytes.toString("latin1", 8, 12) !== "WAVE") {
    return ["is not a WAV file"]
  }
  const data = bytes.indexOf("data", 12, "latin1")
  const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset + data + 8, bytes.byteOffset + bytes.length))
  const rate = bytes.readUInt32LE(24)
  const peak = samples.reduce((max, sample) => Math.max(max, Math.abs(sample)), 0)
  return [
    ...(bytes.readUInt16LE(22) === 1 && bytes.readUInt16LE(34) === 16 ? [] : ["is not 16-bit mono"]),
    ...(rate === 24000 ? [] : [`has ${rate} Hz, not 24000`]),
    ...(bytes.readUInt32LE(data + 4) === samples.byteLength ? [] : ["does not say its own length"]),
    ...(samples.length > rate ? [] : ["is not longer than a second"]),
    ...(peak > 1000 ? [] : ["is silent"])
  ]
}

/** A registry that knows the packed tarballs and nothing else. */
const serve = async (tarballs: ReadonlyArray<{ readonly file: string; readonly manifest: Manifest }>) => {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? "").slice(1)
    const found = tarballs.find(({ file, manifest }) => manifest.name === path || file.endsWith(`/${path}`))
    if (found === undefined) {
      response.writeHead(404).end()
      return
    }
    const bytes = readFileSync(found.file)
    if (path.endsWith(".tgz")) {
      response.end(bytes)
      return
    }
    const { name, version } = found.manifest
    const tarball = `http://${request.headers.host}/${found.file.split("/").at(-1)}`
    const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`
    response.setHeader("content-type", "application/json").end(JSON.stringify({
      name,
      "dist-tags": { latest: version },
      versions: { [version]: { ...found.manifest, dist: { tarball, integrity } } }
    }))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() }
}

const emptyProject = (parent: string, name: string, registry: string): string => {
  const directory = join(parent, name)
  mkdirSync(directory)
  writeFileSync(join(directory, "package.json"), JSON.stringify({ name, private: true, type: "module" }))
  writeFileSync(join(directory, ".npmrc"), `@effect-smallest:registry=${registry}\nfund=false\naudit=false\n`)
  return directory
}

/** The program of the README, in a project where nothing but the install line has run. */
const asStranger = async (parent: string, registry: string, line: string): Promise<Array<string>> => {
  const directory = emptyProject(parent, "stranger", registry)
  const installed = await run(directory, "bash", "-c", line)
  if (installed.code !== 0) {
    return [`The install line of README.md fails:\n${line}\n${installed.output}`]
  }
  const listed = await run(directory, "npm", "ls", "effect", "--all", "--parseable")
  const copies = listed.output.split("\n").filter((path) => path.endsWith("node_modules/effect"))
  const problems = copies.length === 1
    ? []
    : [`The install line gives ${copies.length} copies of effect: ${copies.join(" ")}`]

  if (!existsSync(join(repository, program))) {
    return [...problems, `${program} is missing: it is the program that README.md shows.`]
  }
  const source = readFileSync(join(repository, program), "utf8")
  writeFileSync(join(directory, "readme.ts"), source)
  const options = "--strict --module nodenext --target es2022 --exactOptionalPropertyTypes --noUncheckedIndexedAccess"
  const compiled = await run(directory, bin("tsc"), ...options.split(" "), "readme.ts")
  if (compiled.code !== 0) {
    return [...problems, `${program} does not compile against the packed packages:\n${compiled.output}`]
  }
  const ran = await run(directory, "node", "readme.js")
  const wavs = [...source.matchAll(/"([\w-]+\.wav)"/g)].map((match) => match[1] ?? "")
  console.log(`The program of README.md printed:\n${ran.output.trimEnd().replace(/^/gm, "  ")}`)
  return [
    ...problems,
    ...(ran.code === 0 ? [] : [`${program} exits with ${ran.code}:\n${ran.output}`]),
    ...(wavs.length === 0 ? [`${program} names no WAV file to look for.`] : wavs.flatMap((name) => {
      const file = join(directory, name)
      const wrong = existsSync(file) ? wavProblems(readFileSync(file)) : ["was not written"]
      return wrong.map((sentence) => `${program}: ${name} ${sentence}.`)
    }))
  ]
}

/** The command line tool, installed alone. */
const theCommand = async (parent: string, registry: string, version: string): Promise<Array<string>> => {
  const directory = emptyProject(parent, "command", registry)
  const installed = await run(directory, "npm", "install", `@effect-smallest/cli@${version}`)
  if (installed.code !== 0) {
    return [`@effect-smallest/cli does not install alone:\n${installed.output}`]
  }
  const command = join(directory, "node_modules/.bin/effect-smallest")
  const start = performance.now()
  const spoken = await run(directory, command, "speak", "Hello from a package.", "--out", "hello.wav")
  if (spoken.code !== 0) {
    return [`effect-smallest speak exits with ${spoken.code}:\n${spoken.output}`]
  }
  console.log(`The installed effect-smallest spoke in ${((performance.now() - start) / 1000).toFixed(2)} s.`)
  const wrong = wavProblems(readFileSync(join(directory, "hello.wav")))
  return wrong.map((sentence) => `effect-smallest speak: hello.wav ${sentence}.`)
}

/** The same program and the samples for other runtimes, in the projects of the stranger and of the command. */
const onRuntimes = async (parent: string, version: string): Promise<ReadonlyArray<string>> => {
  const stranger = join(parent, "stranger")
  const names = ["proxy", "stream", "waves"].map((name) => `@effect-smallest/${name}@${version}`)
  const installed = await run(stranger, "npm", "install", ...names, "@effect/experimental@0.61.1")
  if (installed.code !== 0) {
    return [`The packages of the edge worker do not install:\n${installed.output}`]
  }
  return onEveryRuntime({
    run,
    check: wavProblems,
    parent,
    stranger,
    command: join(parent, "command/node_modules/.bin/effect-smallest"),
    isWritten: process.argv.includes("--write-runtimes")
  })
}

/** Beside Effect 4 npm has to refuse, rather than install two majors that do not know each other. */
const besideEffect4 = async (parent: string, registry: string, version: string): Promise<Array<string>> => {
  const directory = emptyProject(parent, "effect-4", registry)
  const { code, output } = await run(directory, "npm", "install", "effect@4", `@effect-smallest/core@${version}`)
  return code !== 0 && output.includes("ERESOLVE") && /peer effect@"\^3\./.test(output)
    ? []
    : [`Beside effect@4 npm does not refuse with ERESOLVE:\n${output}`]
}

const packed = async (temporary: string): Promise<Array<string>> => {
  // What an earlier build left of modules that are gone must not be packed.
  for (const { path } of workspaces(repository)) {
    rmSync(join(repository, path, "dist"), { recursive: true, force: true })
  }
  const built = await run(repository, "npx", "-y", "pnpm@10.34.9", "build")
  if (built.code !== 0) {
    return [`pnpm build fails:\n${built.output}`]
  }
  const publicPackages = workspaces(repository).filter(({ manifest }) => !manifest.private)
  const pack = await run(
    repository,
    "npx",
    "-y",
    "pnpm@10.34.9",
    "--recursive",
    "--filter=./packages/*",
    "pack",
    `--pack-destination=${temporary}`
  )
  if (pack.code !== 0) {
    return [`pnpm pack fails:\n${pack.output}`]
  }
  const tarballs = await Promise.all(
    readdirSync(temporary).filter((name) => name.endsWith(".tgz")).map(async (name) => {
      const file = join(temporary, name)
      const { output } = await run(temporary, "tar", "-xOf", file, "package/package.json")
      return { file, manifest: JSON.parse(output) as Manifest }
    })
  )
  const problems = publicPackages
    .filter(({ manifest }) => !tarballs.some((tarball) => tarball.manifest.name === manifest.name))
    .map(({ path }) => `${path} was not packed.`)

  for (const { file, manifest } of tarballs) {
    for (const [tool, ...args] of [["publint", "--strict", file], ["attw", "--profile", "esm-only", file]] as const) {
      const { code, output } = await run(repository, bin(tool), ...args)
      console.log(`${code === 0 ? "ok    " : "FAILED"} ${tool} ${manifest.name}`)
      problems.push(...(code === 0 ? [] : [`${tool} on ${manifest.name}:\n${output}`]))
    }
  }

  const readme = existsSync(join(repository, "README.md")) ? readFileSync(join(repository, "README.md"), "utf8") : ""
  const line = installLine(readme)
  const version = publicPackages[0]?.manifest.version ?? ""
  const registry = await serve(tarballs)
  try {
    return [
      ...problems,
      ...(line === undefined
        ? ["README.md has no install line between <!-- install --> and <!-- /install -->."]
        : [
          ...installLineProblems(line, tarballs.map(({ manifest }) => manifest)),
          ...await asStranger(temporary, registry.url, line)
        ]),
      ...await theCommand(temporary, registry.url, version),
      ...await onRuntimes(temporary, version),
      ...await besideEffect4(temporary, registry.url, version)
    ]
  } finally {
    registry.close()
  }
}

if (isMain(import.meta.filename)) {
  const temporary = mkdtempSync(join(tmpdir(), "packed-"))
  try {
    report(await packed(temporary), "The packed packages install, compile and speak.")
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}
