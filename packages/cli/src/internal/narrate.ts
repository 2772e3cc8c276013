import * as AudioFile from "@effect-smallest/core/AudioFile"
import * as AudioStore from "@effect-smallest/core/AudioStore"
import { isSpeechError } from "@effect-smallest/core/SpeechError"
import type { SpeechOptions } from "@effect-smallest/core/SpeechRequest"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import * as Audiobook from "@effect-smallest/narration/Audiobook"
import * as Book from "@effect-smallest/narration/Book"
import * as Narration from "@effect-smallest/narration/Narration"
import * as NarrationEngine from "@effect-smallest/narration/NarrationEngine"
import * as NarrationPlan from "@effect-smallest/narration/NarrationPlan"
import * as NodeCommandExecutor from "@effect/platform-node/NodeCommandExecutor"
import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type CliError, CommandFailure } from "../CliError.js"
import * as Engine from "../Engine.js"
import * as Stdio from "../Stdio.js"
import { unreadable } from "./input.js"
import * as StatusLine from "./statusLine.js"

/** @internal */
export interface Options {
  readonly book: string
  readonly include: ReadonlyArray<Book.Extra>
  readonly speech: SpeechOptions
}

/** @internal */
export interface NarrateOptions extends Options {
  readonly out: string
  readonly engine: Engine.Engine
  readonly concurrency: number
  readonly format: "auto" | "none" | Audiobook.Format
  readonly profile: "none" | "acx"
  readonly price: Option.Option<number>
}

const failure = (error: { readonly message: string }) => new CommandFailure({ description: error.message })

const unwritable = (name: string) => (error: { readonly message: string }) =>
  new CommandFailure({ description: `Could not write ${name}: ${error.message}` })

const readPlan = Effect.fnUntraced(function*({ book: name, include, speech }: Options) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* Effect.mapError(fs.readFile(name), unreadable(name))
  if (/\.json$/i.test(name)) {
    const plan = yield* Effect.mapError(NarrationPlan.fromJson(name, new TextDecoder().decode(bytes)), failure)
    const options = Object.fromEntries(Object.entries(speech).filter(([, value]) => value !== undefined))
    return { ...plan, options: { ...plan.options, ...options } }
  }
  const book = yield* Effect.mapError(Book.fromBytes(name, bytes, { include }), failure)
  return NarrationPlan.make(book, speech)
})

const thousands = (count: number): string => count.toLocaleString("en-US")

const time = (minutes: number): string => Duration.format(Duration.minutes(Math.max(1, Math.round(minutes))))

const listing = (script: NarrationPlan.Script, price: Option.Option<number>): ReadonlyArray<string> => {
  const chapters = NarrationPlan.estimate(script)
  const characters = chapters.reduce((sum, one) => sum + one.characters, 0)
  const minutes = chapters.reduce((sum, one) => sum + one.minutes, 0)
  const cost = Option.map(price, (price) => `, ${(characters / 1000 * price).toFixed(2)} at ${price} for 1,000`)
  return [
    ...chapters.map(({ characters, minutes, title }, i) =>
      `${String(i + 1).padStart(3)}  ${thousands(characters).padStart(9)} characters  ${
        `${Math.max(1, Math.round(minutes))} min`.padStart(7)
      }  ${title}`
    ),
    `${chapters.length} chapters, ${thousands(characters)} characters, about ${time(minutes)}${
      Option.getOrElse(cost, () => "")
    }`
  ]
}

/** @internal */
export const plan = Effect.fnUntraced(function*(
  options: Options & { readonly file: string; readonly price: Option.Option<number> }
): Effect.fn.Return<void, CliError, Stdio.Stdio | FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const plan = yield* readPlan(options)
  const script = NarrationPlan.toScript(plan, { name: "" })
  // The file may have been edited since.
  yield* fs.writeFileString(options.file, NarrationPlan.toJson(plan), { flag: "wx" }).pipe(
    Effect.mapError((error) =>
      error._tag === "SystemError" && error.reason === "AlreadyExists"
        ? new CommandFailure({
          description: `${options.file} exists, and may have been edited: narrate it, remove it, or name another file`
        })
        : unwritable(options.file)(error)
    )
  )
  const { stdout } = yield* Stdio.Stdio
  yield* stdout.write(`${listing(script, options.price).join("\n")}\n`)
  yield* Stdio.report(
    `The plan is in ${options.file}. Edit it if you like, then: effect-smallest narrate ${options.file} --out DIR`
  )
})

// ----------------------------------------------------------------------------------------------------------------
// one process for a folder
// ----------------------------------------------------------------------------------------------------------------

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return typeof error === "object" && error !== null && "code" in error && error.code === "EPERM"
  }
}

/** Two processes would ask for the same segments and pay for them twice. */
const lock = Effect.fnUntraced(function*(file: string, out: string) {
  const fs = yield* FileSystem.FileSystem
  const take = Effect.scoped(
    Effect.flatMap(
      fs.open(file, { flag: "wx" }),
      (opened) => opened.writeAll(new TextEncoder().encode(`${process.pid}`))
    )
  )
  const takeOver = Effect.gen(function*() {
    const pid = Number(yield* Effect.orElseSucceed(fs.readFileString(file), () => ""))
    if (Number.isInteger(pid) && pid > 0 && pid !== process.pid && isAlive(pid)) {
      return yield* new CommandFailure({
        description: `Process ${pid} narrates into ${out} already: wait for it, or name another folder`
      })
    }
    yield* Effect.mapError(Effect.zipRight(fs.remove(file, { force: true }), take), unwritable(file))
  })
  yield* Effect.acquireRelease(
    Effect.catchAll(
      take,
      (error) =>
        error._tag === "SystemError" && error.reason === "AlreadyExists"
          ? takeOver
          : Effect.fail(unwritable(file)(error))
    ),
    () => Effect.ignore(fs.remove(file, { force: true }))
  )
})

// ----------------------------------------------------------------------------------------------------------------
// narration
// ----------------------------------------------------------------------------------------------------------------

const State = Schema.parseJson(Schema.Struct({ script: Schema.String, attempt: Schema.NonNegativeInt }))

const hasFfmpeg = Effect.map(
  Effect.option(Command.exitCode(Command.make("ffmpeg", "-version"))),
  Option.exists((code) => code === 0)
)

interface Tally {
  readonly done: number
  readonly asked: number
  readonly characters: number
  readonly askedCharacters: number
  readonly seconds: number
  readonly chapter: number
}

const asCliError = (
  error:
    | Narration.NarrationError
    | Audiobook.AudiobookError
    | AudioFile.AudioFileError
    | NarrationEngine.JournalError
): CliError => isSpeechError(error) || error._tag === "AudioFileError" ? error : failure(error)

/** @internal */
export const narrate = Effect.fnUntraced(function*(
  options: NarrateOptions
): Effect.fn.Return<void, CliError, Stdio.Stdio | FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const plan = yield* readPlan(options)
  const folder = path.join(options.out, ".narration")
  yield* Effect.mapError(fs.makeDirectory(folder, { recursive: true }), unwritable(options.out))
  yield* lock(path.join(folder, "lock"), options.out)

  yield* Effect.gen(function*() {
    const { capabilities, defaults } = yield* SpeechSynthesizer.SpeechSynthesizer
    const store = yield* AudioStore.AudioStore
    const script = NarrationPlan.toScript(plan, {
      name: JSON.stringify([capabilities.module, yield* Engine.namespace(options.engine), defaults]),
      maxLength: Math.min(250, capabilities.maxTextLength ?? Infinity)
    })
    for (const line of listing(script, options.price)) yield* Stdio.report(line)
    const segments = script.chapters.flatMap(({ segments }) => segments)
    const present = new Set<string>()
    for (const { key } of segments) if (!present.has(key) && (yield* store.has(key))) present.add(key)
    const waiting = segments.filter(({ key }) => !present.has(key)).length
    if (present.size > 0) {
      yield* Stdio.report(
        `${thousands(segments.length - waiting)} of ${thousands(segments.length)} segments are spoken already.`
      )
    }
    const all = segments.reduce((sum, { text }) => sum + text.length, 0)
    const started = yield* Clock.currentTimeMillis
    const tally = yield* Ref.make<Tally>({
      done: 0,
      asked: 0,
      characters: 0,
      askedCharacters: 0,
      seconds: 0,
      chapter: 0
    })
    const sampleRate = plan.options.sampleRate ?? defaults.sampleRate
    const onSegment = ({ chapter, frames, isNew, segment }: Narration.Progress) =>
      Ref.update(tally, (tally) => ({
        done: tally.done + 1,
        asked: tally.asked + (isNew ? 1 : 0),
        characters: tally.characters + segment.text.length,
        askedCharacters: tally.askedCharacters + (isNew ? segment.text.length : 0),
        seconds: tally.seconds + frames / sampleRate,
        chapter: Math.max(tally.chapter, chapter + 1)
      }))
    const cost = ({ askedCharacters }: Tally) =>
      Option.match(options.price, {
        onNone: () => "",
        onSome: (price) => `, cost ${(askedCharacters / 1000 * price).toFixed(2)}`
      })
    const speak = Effect.gen(function*() {
      const key = yield* Narration.submit(script)
      const file = path.join(folder, "state.json")
      const state = Option.filter(
        Schema.decodeOption(State)(yield* Effect.orElseSucceed(fs.readFileString(file), () => "")),
        (state) => state.script === key
      )
      let attempt = Option.match(state, { onNone: () => 0, onSome: ({ attempt }) => attempt })
      // What is over, well or badly, has no more to say; and yet there are segments to be spoken.
      const poll = Effect.suspend(() =>
        Effect.flatMap(Narration.workflow.executionId({ script: key, attempt }), Narration.workflow.poll)
      )
      while ((yield* poll)?._tag === "Complete") attempt += 1
      yield* Effect.mapError(
        fs.writeFileString(file, Schema.encodeSync(State)({ script: key, attempt })),
        unwritable(file)
      )
      yield* StatusLine.show(Effect.gen(function*() {
        const now = yield* Ref.get(tally)
        const elapsed = ((yield* Clock.currentTimeMillis) - started) / 60_000
        const left = now.askedCharacters === 0
          ? ""
          : `, about ${time((all - now.characters) * elapsed / now.askedCharacters)} left`
        return `${StatusLine.bar(now.characters / all)} chapter ${now.chapter} of ${script.chapters.length}, ${
          thousands(now.characters)
        } of ${thousands(all)} characters, ${time(now.seconds / 60)} of audio${cost(now)}${left}`
      }))
      yield* Narration.workflow.execute({ script: key, attempt })
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.provideMerge(
          Narration.layer({ concurrency: options.concurrency, onSegment }),
          NarrationEngine.layerFile(path.join(folder, "journal.db"))
        ).pipe(Layer.provide(Logger.minimumLogLevel(LogLevel.Error)))
      )
    )
    const interrupted = Effect.flatMap(Ref.get(tally), ({ asked }) =>
      StatusLine.report(
        `Interrupted: ${thousands(segments.length - waiting + asked)} of ${thousands(segments.length)} segments are ` +
          "spoken. Run the same command again to resume."
      ))
    if (waiting > 0) yield* Effect.onInterrupt(speak, () => interrupted)
    const format = options.format === "auto" ? (yield* hasFfmpeg) ? "m4b" : "wav" : options.format
    const { book, chapters } = yield* Audiobook.assemble(script, {
      out: options.out,
      ...(format === "none" ? {} : { format }),
      ...(options.profile === "none" ? {} : { profile: options.profile })
    })
    for (const { file, measured } of chapters) {
      if (measured !== undefined) yield* Stdio.report(`${file.replace(/wav$/, "mp3")}: ${measured}`)
    }
    const frames = chapters.reduce((sum, { frames }) => sum + frames, 0)
    const now = yield* Ref.get(tally)
    yield* Stdio.report(
      `${book ?? options.out}: ${chapters.length} chapters, ${time(frames / sampleRate / 60)}; ${
        thousands(now.asked)
      } segments were spoken now${cost(now)}`
    )
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        Engine.layer(options.engine, { concurrency: options.concurrency, model: options.speech.model }),
        AudioStore.layerFileSystem(path.join(folder, "audio")),
        AudioFile.layerFileSystem,
        NodeCommandExecutor.layer
      )
    ),
    Effect.mapError((error) =>
      error._tag === "CommandFailure" || "_op" in error
        ? error
        : asCliError(error)
    )
  )
}, Effect.scoped)
