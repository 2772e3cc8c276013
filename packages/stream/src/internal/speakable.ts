const speakable = /[\p{L}\p{N}\p{Sc}\p{So}%&@+=]/u

/** @internal */
export const isSpeakable = (text: string): boolean => speakable.test(text)

/**
 * A text as it is given to an engine: words that were divided at the end of a line are whole again.
 *
 * @internal
 */
export const spokenText = (text: string): string =>
  text.replace(/([\p{L}\p{M}'\u2019\u2010-]*)[-\u2010\u00ad](?:\r\n|\r|\n)[ \t]*(?=\p{Ll})/gu, (all, word: string) =>
    // The hyphen of "mother-in-law" stands there on any line.
    /\p{L}$/u.test(word) && !/[-\u2010]/.test(word) ? word : all)
