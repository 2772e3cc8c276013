import { LayerOptions, SpeechSynthesizer } from "@effect-smallest/core"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Either, Exit, Layer, Redacted, Schedule } from "effect"
import * as Support from "./fakeEngine.js"

interface Options {
  readonly key: Redacted.Redacted
  readonly workers?: number | undefined
  readonly volume?: number | undefined
  readonly wait?: Duration.DurationInput | undefined
  readonly mode?: "a" | "b" | undefined
  readonly retry?: unknown
  readonly limits?: { readonly rate?: number | undefined } | undefined
}

const check = LayerOptions.make<Options>("Thing.layer", {
  key: LayerOptions.required(LayerOptions.redacted),
  workers: LayerOptions.whole(1),
  volume: LayerOptions.between(0, 1),
  wait: LayerOptions.duration,
  mode: LayerOptions.oneOf("a", "b"),
  retry: LayerOptions.retry,
  limits: LayerOptions.options({ rate: LayerOptions.moreThan(0) })
})

const key = Redacted.make("k")

/** What JavaScript sends. */
const problemOf = (options: unknown) => Either.flip(check.either(options as Options)).pipe(Either.getOrThrow)

describe("LayerOptions", () => {
  it("options in bounds - are returned as they are", () => {
    const all: Options = {
      key,
      workers: 2,
      volume: 0.5,
      wait: "2 seconds",
      mode: "a",
      retry: { maxRetries: 0, baseDelay: 5, while: () => true },
      limits: { rate: Infinity }
    }
    assert.strictEqual(check(all), all)
    for (const retry of [false, undefined, Schedule.recurs(1), {}, { maxRetries: Infinity }]) check({ key, retry })
    for (const wait of [0, 1.5, Infinity, 5n, Duration.infinity, "1 minute", [1, 5]]) {
      assert.isTrue(Either.isRight(check.either({ key, wait: wait as Duration.DurationInput })), String(wait))
    }
    check({ key, limits: undefined, workers: undefined })
  })

  const wrong: ReadonlyArray<readonly [options: unknown, option: string, words: RegExp]> = [
    [{ key, pace: 2 }, "pace", /`pace` is not one of key, workers, volume/],
    [{ workers: 1 }, "key", /`key` must be a string in Redacted\.make$/],
    [{ key: "sk_secret" }, "key", /`key` must be a string in Redacted\.make/],
    [{ key: undefined }, "key", /must be a string in Redacted\.make$/],
    [{ key, workers: 0 }, "workers", /`workers` must be a whole number, 1 or more, not 0/],
    [{ key, workers: 1.5 }, "workers", /not 1\.5/],
    [{ key, workers: NaN }, "workers", /not NaN/],
    [{ key, workers: "2" }, "workers", /not "2"/],
    [{ key, workers: null }, "workers", /not null/],
    [{ key, volume: 1.1 }, "volume", /a number from 0 to 1, not 1\.1/],
    [{ key, wait: -1 }, "wait", /a duration/],
    [{ key, wait: NaN }, "wait", /a duration/],
    [{ key, wait: "-2 seconds" }, "wait", /a duration/],
    [{ key, wait: "soon" }, "wait", /not "soon"/],
    [{ key, mode: "c" }, "mode", /must be "a" or "b", not "c"/],
    [{ key, retry: true }, "retry", /must be false, options or a Schedule/],
    [{ key, retry: null }, "retry", /must be false/],
    [{ key, retry: { maxRetry: 0 } }, "retry.maxRetry", /`retry\.maxRetry` is not one of/],
    [{ key, retry: { maxRetries: -1 } }, "retry.maxRetries", /0 or more|0 to Infinity/],
    [{ key, limits: { rate: 0 } }, "limits.rate", /more than 0, not 0/],
    [{ key, limits: 5 }, "limits", /`limits`/],
    [null, "options", /must be an object/],
    [5, "options", /must be an object/]
  ]

  it("options out of bounds - are refused by name, and no secret is shown", () => {
    for (const [options, option, words] of wrong) {
      const problem = problemOf(options)
      assert.strictEqual(problem.option, option, problem.message)
      assert.match(problem.message, words)
      assert.match(problem.message, /^Thing\.layer: /)
      assert.notInclude(problem.message, "sk_secret")
    }
  })

  it("orConfigError - says the same as a ConfigError", () => {
    const result = LayerOptions.orConfigError(check)({ key, limits: { rate: -1 } })
    assert.isTrue(Either.isLeft(result))
    assert.match(JSON.stringify(result), /limits.*must be a number, more than 0, not -1/)
  })

  it.effect("SpeechSynthesizer.layerRetry - dies with a mistake in its options", () =>
    Effect.gen(function*() {
      for (const retry of [{ maxRetry: 0 }, true, null]) {
        const exit = yield* Effect.exit(Effect.scoped(Layer.build(
          SpeechSynthesizer.layerRetry(Support.scripted([Support.plain]).layer, retry as never)
        )))
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
        assert.include(String(exit), "SpeechSynthesizer.layerRetry")
      }
    }))
})
