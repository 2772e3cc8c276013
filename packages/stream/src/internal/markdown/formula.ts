import type { Code, Construct, Effects, Extension, State, TokenizeContext } from "micromark-util-types"

declare module "micromark-util-types" {
  interface TokenTypeMap {
    formula: "formula"
    formulaText: "formulaText"
  }
}

// micromark writes line ends as negative codes.
const isLineEnd = (code: Code): boolean => code !== null && code < -2

const isBlank = (code: Code): boolean => code === null || code < 0 || code === 32

const isWord = (code: Code): boolean =>
  isDigit(code) || code !== null && (code >= 65 && code <= 90 || code >= 97 && code <= 122)

const isDigit = (code: Code): boolean => code !== null && code >= 48 && code <= 57

const dollar = 36
const backslash = 92

/** Takes what is inside, a line at a time, as micromark wants it. */
const makeTaker = (effects: Effects) => {
  let isOpen = false
  const end = (): void => {
    if (isOpen) effects.exit("formulaText")
    isOpen = false
  }
  return {
    end,
    take: (code: Code): void => {
      if (isLineEnd(code)) {
        end()
        effects.enter("lineEnding")
        effects.consume(code)
        effects.exit("lineEnding")
        return
      }
      if (!isOpen) effects.enter("formulaText")
      isOpen = true
      effects.consume(code)
    }
  }
}

/** `$…$` as Pandoc reads it, so that prices stay, and `$$…$$`. */
const inDollars: Construct = {
  name: "formula",
  tokenize(this: TokenizeContext, effects: Effects, ok: State, nok: State): State {
    let signs = 0
    let closing = 0
    let length = 0
    let last: Code = null
    let isNumber = true
    const { end, take } = makeTaker(effects)
    return start

    function start(code: Code): State | undefined {
      effects.enter("formula")
      return opening(code)
    }
    function opening(code: Code): State | undefined {
      if (code === dollar && signs < 2) {
        signs++
        effects.consume(code)
        return opening
      }
      return signs === 1 && isBlank(code) || code === dollar ? nok(code) : inside(code)
    }
    function inside(code: Code): State | undefined {
      if (code === null) return nok(code)
      if (code === dollar && last !== backslash) {
        closing = 0
        return ending(code)
      }
      length++
      // "$5 and" is a price.
      if (isBlank(code) && signs === 1 && isNumber) return nok(code)
      if (!isDigit(code) && code !== 46 && code !== 44) isNumber = false
      last = code
      take(code)
      return inside
    }
    function ending(code: Code): State | undefined {
      if (code === dollar && closing < signs) {
        closing++
        take(code)
        return ending
      }
      if (closing < signs) {
        last = dollar
        return inside(code)
      }
      if (length === 0 || signs === 1 && (isBlank(last) || isWord(code))) return nok(code)
      end()
      effects.exit("formula")
      return ok(code)
    }
  }
}

const mathematical = new Set(Array.from("^_={}+", (sign) => sign.charCodeAt(0)))

/** `\(…\)` and `\[…\]`. */
const inBrackets: Construct = {
  name: "formula",
  tokenize(this: TokenizeContext, effects: Effects, ok: State, nok: State): State {
    let close: Code = null
    // Escaped brackets around words are brackets.
    let isFormula = false
    let hasBlank = false
    let last: Code = null
    const { end, take } = makeTaker(effects)
    return start

    function start(code: Code): State | undefined {
      effects.enter("formula")
      effects.consume(code)
      return opening
    }
    function opening(code: Code): State | undefined {
      if (code !== 40 && code !== 91) return nok(code)
      close = code === 40 ? 41 : 93
      effects.consume(code)
      return inside
    }
    function inside(code: Code): State | undefined {
      if (code === null) return nok(code)
      // The target of a link.
      if (code === 40 && last === 93) return nok(code)
      last = code
      if (isBlank(code)) hasBlank = true
      else if (mathematical.has(code)) isFormula = true
      take(code)
      return code === backslash ? escaped : inside
    }
    function escaped(code: Code): State | undefined {
      if (code !== close) {
        isFormula = true
        return inside(code)
      }
      if (!isFormula && (code === 93 || hasBlank)) return nok(code)
      take(code)
      end()
      effects.exit("formula")
      return ok
    }
  }
}

/**
 * Formulas inside a line, for micromark.
 *
 * @internal
 */
export const formula: Extension = { text: { [dollar]: inDollars, [backslash]: inBrackets } }
