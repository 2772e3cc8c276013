/**
 * The command `narrate`: a book becomes an audiobook, and whatever dies when, no segment is paid for twice.
 *
 * @since 0.2.0
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { availableParallelism } from "node:os"
import { type CliError, CommandFailure, UsageError } from "./CliError.js"
import * as Engine from "./Engine.js"
import * as Help from "./internal/help.js"
import * as SpeechFlags from "./internal/speechFlags.js"
import * as Stdio from "./Stdio.js"

const extras = ["notes", "pageNumbers", "contents", "matter"] as const

const config = {
  book: Args.text({ name: "BOOK" }).pipe(
    Args.withDescription("An .epub, a .md, a text file in UTF-8, or a plan (.json) that --plan wrote")
  ),
  out: Options.text("out").pipe(
    Options.withAlias("o"),
    Options.withPseudoName("DIR"),
    Options.withDescription(
      "The folder for the chapters, their captions and the book; what is spoken is kept there, too"
    ),
    Options.optional
  ),
  plan: Options.text("plan").pipe(
    Options.withPseudoName("FILE"),
    Options.withDescription("Speak nothing: list the chapters with their length, and write a plan that can be edited"),
    Options.optional
  ),
  include: Options.text("include").pipe(
    Options.withPseudoName("PART"),
    Options.withDescription(
      "Read this, too: notes, pageNumbers, contents, or matter (title page, imprint); may be repeated"
    ),
    Options.repeated
  ),
  format: Help.choice("format", ["auto", "m4b", "mp3", "opus", "wav", "none"]).pipe(
    Options.withDescription(
      "The book in one file with chapter marks; auto is m4b if ffmpeg is installed, otherwise wav"
    ),
    Options.withDefault("auto" as const)
  ),
  profile: Help.choice("profile", ["none", "acx"]).pipe(
    Options.withDescription("acx: an MP3 of each chapter, too, that meets ACX's figures, measured; needs ffmpeg"),
    Options.withDefault("none" as const)
  ),
  price: Help.number("price", "a number of 0 or more", (price) => price >= 0 && price < Infinity).pipe(
    Options.withDescription("What 1,000 characters cost, to be shown what the book costs"),
    Options.optional
  ),
  engine: Engine.option,
  concurrency: Help.number(
    "concurrency",
    "a whole number from 1 to 100",
    (count) => Number.isInteger(count) && count >= 1 && count <= 100
  ).pipe(
    Options.withDescription(
      "How many segments are spoken at once: for the cloud as many as the account allows (default: 1 for the cloud, the " +
        "number of processor cores for the embedded voice)"
    ),
    Options.optional
  ),
  ...SpeechFlags.config
}

type Config = Command.Command.ParseConfig<typeof config>

const load = Effect.tryPromise({
  try: () => import("./internal/narrate.js"),
  catch: (error) =>
    new CommandFailure({ description: `Narration could not be loaded (${String(error)}); install the command again` })
})

const narrate = Effect.fnUntraced(function*(
  options: Config
): Effect.fn.Return<void, CliError, Stdio.Stdio | FileSystem.FileSystem | Path.Path> {
  const { book, price } = options
  const include: Array<typeof extras[number]> = []
  for (const name of options.include) {
    const extra = extras.find((one) => one === name)
    if (extra === undefined) {
      return yield* new UsageError({ description: `--include takes ${extras.join(", ")}, not "${name}"` })
    }
    include.push(extra)
  }
  const speech = SpeechFlags.toSpeechOptions(options)
  if (Option.isSome(options.plan)) {
    if (Option.isSome(options.out)) {
      return yield* new UsageError({ description: "--plan speaks nothing, and --out is for what is spoken: omit one" })
    }
    if (!/\.json$/i.test(options.plan.value)) {
      return yield* new UsageError({ description: "--plan takes the name of a .json file, as in --plan book.json" })
    }
    const { plan } = yield* load
    return yield* plan({ book, include, speech, price, file: options.plan.value })
  }
  if (Option.isNone(options.out) || options.out.value.trim() === "" || options.out.value === "-") {
    return yield* new UsageError({ description: "--out takes the name of a folder, as in --out audiobook" })
  }
  const { engine, lacksKey } = yield* Engine.choose(options.engine)
  if (lacksKey) yield* Stdio.report(Engine.noKey)
  const { narrate } = yield* load
  yield* narrate({
    book,
    include,
    speech,
    price,
    engine,
    out: options.out.value,
    concurrency: Option.getOrElse(options.concurrency, () => engine === "local" ? availableParallelism() : 1),
    format: options.format,
    profile: options.profile
  })
})

/**
 * `effect-smallest narrate`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const command = Command.make("narrate", config, narrate).pipe(
  Command.withDescription("Turns a book into an audiobook, and resumes where it was interrupted.")
)
