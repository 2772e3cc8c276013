/** Builds the page, and serves its files. */
import { FileSystem, HttpServerResponse, Path } from "@effect/platform"
import { Data, Effect, Option } from "effect"
import { build } from "vite"

const root = new URL("..", import.meta.url)

/** The page could not be built. */
export class BuildFailure extends Data.TaggedError("BuildFailure")<{ readonly cause: unknown }> {
  override get message(): string {
    return `The page could not be built: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/** Builds the page into a folder that goes away with the scope. */
export const bundle = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const cache = path.join(yield* path.fromFileUrl(root), "../../.cache")
  yield* fs.makeDirectory(cache, { recursive: true })
  const outDir = yield* fs.makeTempDirectoryScoped({ directory: cache, prefix: "demo-" })
  const configFile = yield* path.fromFileUrl(new URL("vite.config.ts", root))
  yield* Effect.tryPromise({
    try: () => build({ configFile, logLevel: "error", build: { outDir } }),
    catch: (cause) => new BuildFailure({ cause })
  })
  return outDir
})

/** Scripts come from here and, for the audio thread, from memory; everything else comes from here alone. */
const policy = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval' blob:",
  "worker-src 'self'",
  "connect-src 'self' data:",
  "img-src 'self' data:",
  "base-uri 'none'",
  "object-src 'none'",
  "frame-ancestors 'none'",
  "form-action 'self'"
].join("; ")

const headers = {
  "content-security-policy": policy,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff"
}

/** Answers for the files of a folder as it is now. Nothing else can be reached, whatever the path says. */
export const files = Effect.fnUntraced(function*(folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* Effect.filter(
    yield* fs.readDirectory(folder, { recursive: true }),
    (name) => Effect.map(fs.stat(path.join(folder, name)), ({ type }) => type === "File")
  )
  const served = new Map(names.map((name) => [`/${name.split(path.sep).join("/")}`, path.join(folder, name)]))
  return (url: string) => {
    const pathname = Option.fromNullable(url.split(/[?#]/)[0])
    return Option.flatMapNullable(pathname, (name) => served.get(name === "/" ? "/index.html" : name)).pipe(
      Option.match({
        onNone: () => Effect.succeed(HttpServerResponse.text("There is no such page here.", { status: 404, headers })),
        onSome: (file) => HttpServerResponse.file(file, { headers })
      })
    )
  }
})
