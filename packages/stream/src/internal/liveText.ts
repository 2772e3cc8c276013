import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as SpeechText from "../SpeechText.js"
import * as TextSegmenter from "../TextSegmenter.js"
import type * as Inbox from "./inbox.js"

/** @internal */
export type Arrival<E> =
  | { readonly _tag: "Text"; readonly input: SpeechText.Input }
  | { readonly _tag: "End"; readonly exit: Exit.Exit<void, E> }

/**
 * What is to be sent: text, or the order to speak all of it, perhaps with a last piece of text.
 *
 * @internal
 */
export type Part =
  | { readonly _tag: "Say"; readonly text: string }
  | { readonly _tag: "Speak"; readonly text: string }

/** @internal */
export interface LiveText<E> {
  /** The next part, or how the text ended. A part that was taken is in `log` until the log is dropped. */
  readonly next: Effect.Effect<Part | { readonly _tag: "End"; readonly exit: Exit.Exit<void, E> }>
  /** Whether there is something to speak, or the end; waits for the first of them. */
  readonly begin: Effect.Effect<void>
  /** Parts that may have to be sent again. */
  readonly log: ReadonlyArray<Part>
  /** From now on parts are not kept: the first sound is out. */
  readonly dropLog: () => void
}

/**
 * Turns pieces of text into parts worth sending: blanks never go alone, and nothing goes before there is something to pronounce. With
 * `holdsLast` one part is held back, so that the order to speak can carry text.
 *
 * @internal
 */
export const make = <E>(
  inbox: Inbox.Inbox<Arrival<E>>,
  options: { readonly holdsLast: boolean }
): LiveText<E> => {
  let log: Array<Part> | undefined = []
  const due: Array<Part> = []
  let blank = "" // arrived, but not worth sending alone
  let held: string | undefined
  let isSaying = false // something was sent or held since the last order to speak
  let end: Exit.Exit<void, E> | undefined

  const say = (text: string) => {
    isSaying = true
    if (!options.holdsLast) {
      due.push({ _tag: "Say", text })
      return
    }
    if (held !== undefined) due.push({ _tag: "Say", text: held })
    held = text
  }

  const speak = () => {
    if (!isSaying) return
    due.push({ _tag: "Speak", text: held === undefined ? "" : held + blank })
    held = undefined
    blank = ""
    isSaying = false
  }

  const accept = (arrival: Arrival<E>) => {
    if (arrival._tag === "End") {
      end = arrival.exit
      speak()
    } else if (SpeechText.isFlush(arrival.input)) {
      speak()
    } else {
      blank += arrival.input
      const isWorthIt = isSaying ? blank.trim() !== "" : TextSegmenter.isSpeakable(blank)
      if (!isWorthIt) return
      const text = blank
      blank = ""
      say(text)
    }
  }

  // Taking an arrival and keeping its parts is one step, so an interruption loses neither.
  const arrive = Effect.zipRight(
    inbox.ready,
    Effect.sync(() => {
      const arrival = inbox.unsafePoll()
      if (Option.isSome(arrival)) accept(arrival.value)
    })
  )

  const until = (isDue: () => boolean): Effect.Effect<void> =>
    Effect.suspend(() => isDue() ? Effect.void : Effect.zipRight(arrive, until(isDue)))

  return {
    begin: until(() => isSaying || due.length > 0 || end !== undefined),
    next: Effect.zipRight(
      until(() => due.length > 0 || end !== undefined),
      Effect.sync(() => {
        const part = due.shift()
        if (part !== undefined) {
          log?.push(part)
          return part
        }
        // `until` has waited for one of the two.
        return { _tag: "End", exit: end as Exit.Exit<void, E> } as const
      })
    ),
    get log() {
      return log ?? []
    },
    dropLog: () => {
      log = undefined
    }
  }
}
