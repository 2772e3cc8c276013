/**
 * The port of the command's own input and output. Audio and lists go to standard output and nothing else does; people
 * get messages on standard error.
 *
 * @since 0.1.0
 */
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { isatty } from "node:tty"

/**
 * @since 0.1.0
 * @category services
 */
export class Stdio extends Context.Tag("@effect-smallest/cli/Stdio")<Stdio, Service>() {}

/**
 * Input that could not be read or output that could not be written.
 *
 * - `Closed`: the reader of the output went away, as `head` does when it has seen enough
 * - `Failed`: anything else, such as a full disk
 *
 * @since 0.1.0
 * @category errors
 */
export class StdioError extends Schema.TaggedError<StdioError>("@effect-smallest/cli/Stdio/StdioError")("StdioError", {
  reason: Schema.Literal("Closed", "Failed"),
  name: Schema.Literal("standard input", "standard output", "standard error"),
  description: Schema.String
}) {
  override get message(): string {
    return this.name === "standard input"
      ? `Could not read ${this.name}: ${this.description}`
      : `Could not write to ${this.name}: ${this.description}`
  }
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Writer {
  /** Whether a person looks at it. */
  readonly isTerminal: boolean
  /** How many characters fit into a line now: 80 if that cannot be known. */
  readonly columns: Effect.Effect<number>
  /** Writes all of it, as fast as the reader reads. */
  readonly write: (data: string | Uint8Array) => Effect.Effect<void, StdioError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly stdin: { readonly isTerminal: boolean; readonly bytes: Stream.Stream<Uint8Array, StdioError> }
  readonly stdout: Writer
  readonly stderr: Writer
}

const closedCodes = ["EPIPE", "EOF", "ECONNRESET", "ERR_STREAM_DESTROYED"]

const stdioError = (name: StdioError["name"]) => (cause: unknown): StdioError => {
  const code = Predicate.hasProperty(cause, "code") ? cause.code : undefined
  return new StdioError({
    reason: closedCodes.some((closed) => closed === code) ? "Closed" : "Failed",
    name,
    description: Predicate.isError(cause) ? cause.message : String(cause)
  })
}

const writer = (name: StdioError["name"], stream: NodeJS.WriteStream & { readonly fd: number }): Writer => {
  // The callback of `write` reports failures; without a listener they would end the process as well.
  stream.on("error", () => undefined)
  return {
    isTerminal: isatty(stream.fd),
    // Only streams of terminals have it.
    columns: Effect.sync(() => Predicate.isNumber(stream.columns) && stream.columns > 0 ? stream.columns : 80),
    write: (data) =>
      Effect.async((resume) => {
        stream.write(data, (error) => resume(error ? stdioError(name)(error) : Effect.void))
      })
  }
}

/**
 * The streams of this process.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Stdio> = Layer.sync(Stdio, () => ({
  stdin: {
    isTerminal: isatty(process.stdin.fd),
    bytes: NodeStream.fromReadable<StdioError>(() => process.stdin, stdioError("standard input"))
  },
  stdout: writer("standard output", process.stdout),
  stderr: writer("standard error", process.stderr)
}))

/**
 * Prints a message for people, in a line of its own.
 *
 * @since 0.1.0
 * @category accessors
 */
export const report = (line: string): Effect.Effect<void, never, Stdio> =>
  // If standard error is closed, no message can reach anybody.
  Effect.flatMap(Stdio, ({ stderr }) => Effect.ignore(stderr.write(`${line}\n`)))

/**
 * Writes a line of the command's result.
 *
 * @since 0.1.0
 * @category accessors
 */
export const print = (line: string): Effect.Effect<void, StdioError, Stdio> =>
  Effect.flatMap(Stdio, ({ stdout }) => stdout.write(`${line}\n`))
