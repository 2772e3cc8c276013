/**
 * The command `doctor`: whether this machine can speak, and what to do if it cannot.
 *
 * @since 0.1.0
 */
import * as AudioPlayer from "@effect-smallest/core/AudioPlayer"
import * as Pcm from "@effect-smallest/core/Pcm"
import * as SpeechSynthesizer from "@effect-smallest/core/SpeechSynthesizer"
import { apiKeyConfig, baseUrlConfig } from "@effect-smallest/waves/WavesClient"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { type CliError, CommandFailure, toLine } from "./CliError.js"
import * as Engine from "./Engine.js"
import * as Help from "./internal/help.js"
import * as Player from "./internal/player.js"
import { version, versionOfEffect } from "./internal/version.js"
import * as Stdio from "./Stdio.js"

const config = {
  offline: Options.boolean("offline").pipe(
    Options.withDescription("Ask nothing of the network; with a key, a test costs six characters of the account")
  ),
  json: Help.json
}

/**
 * What was found about one thing.
 *
 * - `ok`: it is as it should be
 * - `note`: something is not there that not everybody needs
 * - `failed`: something that was asked for does not work
 *
 * @since 0.1.0
 * @category models
 */
export interface Finding {
  readonly name: string
  readonly status: "ok" | "note" | "failed"
  /** What there is, and what to do about it. */
  readonly detail: string
}

const finding = (name: string) => (status: Finding["status"], detail: string): Finding => ({ name, status, detail })

// What the manifests of the packages ask for.
const isOld = (node: string): boolean => {
  const [major = 0, minor = 0] = node.split(".").map(Number)
  return major < 20 || (major === 20 && minor < 11)
}

const checkVersions = Effect.sync(() => {
  const { node } = process.versions
  const versions =
    `effect-smallest ${version}, effect ${versionOfEffect()}, Node ${node}, ${process.platform} ${process.arch}`
  return isOld(node)
    ? finding("Command")("failed", `${versions}. Node 20.11 or later is needed.`)
    : finding("Command")("ok", versions)
})

const speak = (engine: Engine.Engine) =>
  SpeechSynthesizer.synthesize({ text: "Hello." }).pipe(
    Effect.timed,
    Effect.map(([took, { duration, format }]) =>
      `speaks: ${Duration.toSeconds(duration).toFixed(2)} s of speech at ${format.sampleRate} Hz in ${
        Duration.toSeconds(took).toFixed(2)
      } s`
    ),
    Effect.timeoutFail({
      duration: "40 seconds",
      onTimeout: () => new CommandFailure({ description: "No speech came within 40 seconds. Try again" })
    }),
    Effect.provide(Engine.layer(engine)),
    Effect.mapError(toLine)
  )

const checkLocal = Effect.match(speak("local"), {
  onSuccess: (detail) => finding("Embedded voice")("ok", detail),
  onFailure: (detail) => finding("Embedded voice")("failed", detail)
})

// ----------------------------------------------------------------------------------------------------------------
// the loudspeaker
// ----------------------------------------------------------------------------------------------------------------

const loadPlayers = Effect.tryPromise({
  try: () => import("@effect-smallest/platform-node/NodeAudioPlayer"),
  catch: (error) => new CommandFailure({ description: `The players could not be loaded (${String(error)})` })
})

// As short as can be, so that it startles no listener.
const silence = Stream.succeed(Pcm.silence(Pcm.format(24_000), "100 millis"))

const toFiles = "Speech can still be written into files, with --out hello.wav."

const checkPlayer = Effect.gen(function*() {
  const { installed } = yield* loadPlayers
  const players = yield* installed
  const [first, ...others] = players
  if (first === undefined) {
    return finding("Player")("note", `none is installed: to hear speech, install ffmpeg, mpv or alsa-utils. ${toFiles}`)
  }
  const also = others.length === 0 ? "" : ` (there are also ${others.map(({ name }) => name).join(", ")})`
  yield* Effect.timeoutFail(Player.play(silence, { player: Option.none() }), {
    duration: "5 seconds",
    onTimeout: () =>
      new AudioPlayer.PlaybackError({
        reason: "PlayerFailed",
        player: first.name,
        description: `${first.name} did not come to an end`
      })
  })
  return finding("Player")("ok", `${first.executable} plays${also}`)
}).pipe(Effect.catchAll((error) => Effect.succeed(finding("Player")("note", `${toLine(error)} ${toFiles}`))))

// ----------------------------------------------------------------------------------------------------------------
// the cloud
// ----------------------------------------------------------------------------------------------------------------

const describeConfig = (error: ConfigError.ConfigError): string => "message" in error ? error.message : String(error)

const readKey = Effect.gen(function*() {
  const isSet = yield* Effect.orElseSucceed(
    Effect.map(Config.string("SMALLEST_API_KEY"), (key) => key.trim() !== ""),
    () => false
  )
  return isSet ? Option.some(yield* Effect.either(apiKeyConfig)) : Option.none()
})

type Key = Effect.Effect.Success<typeof readKey>

const checkKey = (key: Key): Finding => {
  const found = finding("API key")
  if (Option.isNone(key)) {
    return found("note", "SMALLEST_API_KEY is not set: the embedded voice speaks. Set it to speak through the cloud.")
  }
  return Either.match(key.value, {
    onLeft: (error) => found("failed", describeConfig(error)),
    onRight: (key) =>
      Redacted.value(key).startsWith("sk_")
        ? found("ok", "SMALLEST_API_KEY is set")
        : found(
          "note",
          "SMALLEST_API_KEY is set, but keys of the vendor start with sk_. Check that it is the whole key."
        )
  })
}

const loadHttp = Effect.tryPromise({
  try: () => Promise.all([import("@effect/platform/HttpClient"), import("@effect-smallest/platform-node/NodeHttp")]),
  catch: (error) => new CommandFailure({ description: `The HTTP client could not be loaded (${String(error)})` })
})

const vendor = "https://api.smallest.ai"

// Behind a proxy or a firewall the question is whether anything answers, whatever it answers.
const checkServer = (hasKey: boolean) =>
  Effect.gen(function*() {
    const found = finding("Server")
    const baseUrl = yield* Effect.either(baseUrlConfig)
    if (Either.isLeft(baseUrl)) return found("failed", describeConfig(baseUrl.left))
    const url = baseUrl.right ?? vendor
    const where = baseUrl.right === undefined ? url : `${url} (SMALLEST_BASE_URL)`
    const [HttpClient, NodeHttp] = yield* loadHttp
    const through = yield* Effect.either(Effect.try({
      try: () => NodeHttp.proxyFor(url),
      catch: (error) => error instanceof Error ? error.message : String(error)
    }))
    if (Either.isLeft(through)) {
      return found("failed", through.left)
    }
    const proxy = Option.match(through.right, {
      onNone: () => "",
      onSome: ({ address, variable }) => ` through the proxy ${address} (${variable})`
    })
    const answer = yield* HttpClient.get(url).pipe(
      Effect.scoped,
      Effect.timed,
      Effect.timeout("5 seconds"),
      Effect.provide(NodeHttp.layer()),
      Effect.either
    )
    return Either.match(answer, {
      onRight: ([took]) => found("ok", `${where} answers${proxy} after ${Duration.toSeconds(took).toFixed(2)} s`),
      onLeft: () =>
        hasKey || baseUrl.right !== undefined
          ? found(
            "failed",
            `${where} does not answer${proxy}. Check the network, a proxy or firewall, and SMALLEST_BASE_URL.`
          )
          : found("note", `${where} does not answer${proxy}. The cloud needs it; the embedded voice does not.`)
    })
  })

const checkCloud = Effect.match(speak("waves"), {
  onSuccess: (detail) => finding("Cloud")("ok", detail),
  onFailure: (detail) => finding("Cloud")("failed", detail)
})

// ----------------------------------------------------------------------------------------------------------------
// all of it
// ----------------------------------------------------------------------------------------------------------------

const marks: Record<Finding["status"], string> = { ok: "ok    ", note: "note  ", failed: "FAILED" }

const line = ({ detail, name, status }: Finding): string => `${marks[status]}  ${name.padEnd(16)}${detail}`

const doctor = Effect.fnUntraced(function*(
  { json, offline }: Command.Command.ParseConfig<typeof config>
): Effect.fn.Return<void, CliError, Stdio.Stdio | FileSystem.FileSystem | Path.Path> {
  const findings: Array<Finding> = []
  const report = <E, R>(check: Effect.Effect<Finding, E, R>) =>
    Effect.tap(check, (found) => {
      findings.push(found)
      return json ? Effect.void : Stdio.print(line(found))
    })

  yield* report(checkVersions)
  yield* report(checkLocal)
  yield* report(checkPlayer)
  const key = yield* readKey
  const hasKey = Option.exists(key, Either.isRight)
  yield* report(Effect.sync(() => checkKey(key)))
  if (!offline) {
    const { status } = yield* report(checkServer(hasKey))
    if (hasKey && status === "ok") yield* report(checkCloud)
  }

  const failed = findings.filter(({ status }) => status === "failed")
  if (json) yield* Stdio.print(JSON.stringify({ ok: failed.length === 0, findings }, undefined, 2))
  if (failed.length > 0) {
    return yield* new CommandFailure({
      description: `${failed.map(({ name }) => name).join(", ")}: see ${
        json ? "the findings" : "the lines marked FAILED"
      }`
    })
  }
})

/**
 * `effect-smallest doctor`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const command = Command.make("doctor", config, doctor).pipe(
  Command.withDescription("Checks whether this machine can speak, and says what to do if it cannot.")
)
