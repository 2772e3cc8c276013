import * as SpeechText from "@effect-smallest/stream/SpeechText"
import * as TextSegmenter from "@effect-smallest/stream/TextSegmenter"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Inbox from "./inbox.js"

/** @internal */
export type Arrival<E> =
  | { readonly _tag: "Text"; readonly input: SpeechText.Input }
  | { readonly _tag: "End"; readonly exit: Exit.Exit<void, E> }

/**
 * What is to be sent: text, or (with empty text) the order to speak all of it.
 *
 * @internal
 */
export interface Part {
  readonly _tag: "Say" | "Speak"
  readonly text: string
}

/** @internal */
export type Next<E> = Part | { readonly _tag: "End"; readonly exit: Exit.Exit<void, E> }

/** @internal */
export interface LiveText<E> {
  /** Waits for something worth opening a socket for; returns how the text ended if nothing comes any more. */
  readonly begin: Effect.Effect<Option.Option<Exit.Exit<void, E>>>
  /** Waits for the next part, which remains the next one until `sent`; after the last part, how the text ended. */
  readonly next: Effect.Effect<Next<E>>
  readonly sent: () => void
  /** Goes back to the first part that is not forgotten. */
  readonly rewind: () => void
  /** Parts that have been sent are not kept any more, now and later: something has been heard. */
  readonly forget: () => void
}

// A message holds less than this, and a long text can wait between messages.
const maxLength = 1000

/**
 * Cuts a finished text into pieces, never inside a character.
 *
 * @internal
 */
export const pieces = (input: SpeechText.Input): ReadonlyArray<SpeechText.Input> =>
  SpeechText.isFlush(input) || input.length <= maxLength
    ? [input]
    : input.match(new RegExp(`.{1,${maxLength / 2}}`, "gsu")) ?? [] // with `u` a dot is a code point: one or two units

/**
 * Turns pieces of text into parts worth sending: blanks never go alone, nothing goes before there is something to pronounce, and where
 * nothing went there is no order to speak it.
 *
 * @internal
 */
export const make = <E>(inbox: Inbox.Inbox<Arrival<E>>): LiveText<E> => {
  const parts: Array<Part> = []
  let at = 0
  let isKeeping = true
  let blank = "" // arrived, and not worth sending alone
  let isSaying = false // something was said since the last order to speak
  let end: Exit.Exit<void, E> | undefined

  const say = (text: string) => {
    parts.push({ _tag: "Say", text })
    blank = ""
    isSaying = true
  }

  const speak = () => {
    if (isSaying) parts.push({ _tag: "Speak", text: "" })
    isSaying = false
  }

  const accept = (arrival: Arrival<E>) => {
    if (arrival._tag === "End") {
      end = arrival.exit
      return speak()
    }
    if (SpeechText.isFlush(arrival.input)) return speak()
    blank += arrival.input
    if (isSaying ? blank.trim() === "" : !TextSegmenter.isSpeakable(blank)) return
    say(blank)
  }

  // Taking an arrival and keeping its parts is one step, so an interruption loses neither.
  const arrive = Effect.zipRight(
    inbox.ready,
    Effect.sync(() => Option.map(inbox.unsafePoll(), accept))
  )

  const until = <A>(poll: () => Option.Option<A>): Effect.Effect<A> =>
    Effect.suspend(() =>
      Option.match(poll(), { onNone: () => Effect.zipRight(arrive, until(poll)), onSome: Effect.succeed })
    )

  const next = () => Option.fromNullable(parts[at])

  return {
    begin: until(() => {
      if (isSaying || Option.isSome(next())) return Option.some(Option.none())
      return Option.map(Option.fromNullable(end), Option.some)
    }),
    next: until<Next<E>>(() =>
      Option.orElse(next(), () => end === undefined ? Option.none() : Option.some({ _tag: "End", exit: end }))
    ),
    sent: () => {
      if (isKeeping) at += 1
      else parts.shift()
    },
    rewind: () => {
      at = 0
    },
    forget: () => {
      isKeeping = false
      parts.splice(0, at)
      at = 0
    }
  }
}
