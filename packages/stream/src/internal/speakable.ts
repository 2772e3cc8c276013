const speakable = /[\p{L}\p{N}\p{Sc}\p{So}%&@+=]/u

/** @internal */
export const isSpeakable = (text: string): boolean => speakable.test(text)
