/**
 * When each word of an utterance sounds. Flite reports when its phonemes end but not which word they belong to, so the
 * phonemes of each word, taken from reading it alone, are aligned with those of the utterance.
 */

const pause = "pau"
const vowels = new Set("aa ae ah ao aw ax ay eh er ey ih iy ow oy uh uw".split(" "))

/**
 * The phonemes of a line such as `pau hh ax l ow pau`, without the pauses.
 *
 * @param {string} line
 * @returns {ReadonlyArray<string>}
 */
export const parsePhonemes = (line) => line.split(" ").filter((name) => name !== "" && name !== pause)

/**
 * The phonemes of a line such as `pau:0.119 hh:0.212`, without the pauses, with their times in seconds.
 *
 * @param {string} line
 * @returns {ReadonlyArray<{ name: string, start: number, end: number }>}
 */
export const parseTimedPhonemes = (line) => {
  const phonemes = []
  let start = 0
  for (const field of line.split(" ")) {
    const [name, seconds] = field.split(":")
    if (!name || seconds === undefined) continue
    const end = Number(seconds)
    if (name !== pause) phonemes.push({ name, start, end })
    start = end
  }
  return phonemes
}

/** A vowel spoken as another vowel is likely; a vowel spoken as a consonant is not better than leaving both out.
 * @type {(a: string, b: string) => number} */
const substitution = (a, b) => a === b ? 0 : vowels.has(a) === vowels.has(b) ? 1 : 2

/**
 * The start and end of each word in seconds, one after the other: `[start, end, start, end, ...]`. Times never go
 * back. A word of which nothing was found shares the time between its neighbours.
 *
 * @param {ReadonlyArray<{ name: string, start: number, end: number }>} spoken the phonemes of the utterance
 * @param {ReadonlyArray<ReadonlyArray<string>>} words the phonemes of each word read alone
 * @returns {Float64Array<ArrayBuffer>}
 */
export const wordTimes = (spoken, words) => {
  const expected = words.flatMap((phonemes, word) => phonemes.map((name) => ({ name, word })))
  const columns = expected.length + 1

  // Edit distance between the first i spoken and the first j expected phonemes.
  const distance = new Uint32Array((spoken.length + 1) * columns)
  for (let i = 0; i <= spoken.length; i++) {
    for (let j = 0; j < columns; j++) {
      const a = spoken[i - 1]
      const b = expected[j - 1]
      const skip = i === 0
        ? j
        : j === 0
        ? i
        : 1 + Math.min(at(distance, i * columns + j - 1), at(distance, (i - 1) * columns + j))
      distance[i * columns + j] = a === undefined || b === undefined
        ? skip
        : Math.min(skip, at(distance, (i - 1) * columns + j - 1) + substitution(a.name, b.name))
    }
  }

  const times = new Float64Array(2 * words.length).fill(Number.NaN)
  let i = spoken.length
  let j = expected.length
  while (i > 0 && j > 0) {
    const a = spoken[i - 1]
    const b = expected[j - 1]
    if (a === undefined || b === undefined) break
    const here = at(distance, i * columns + j)
    if (here === at(distance, (i - 1) * columns + j - 1) + substitution(a.name, b.name)) {
      i--
      j--
    } else if (here === at(distance, (i - 1) * columns + j) + 1) {
      i--
    } else {
      j--
      continue
    }
    // Walking backwards, the first phoneme met ends the word and the last one met begins it. A phoneme that no word
    // expected belongs to the word before it.
    times[2 * b.word] = a.start
    if (Number.isNaN(at(times, 2 * b.word + 1))) times[2 * b.word + 1] = a.end
  }
  return fillGaps(times, spoken)
}

/**
 * @param {Float64Array<ArrayBuffer>} times
 * @param {ReadonlyArray<{ start: number, end: number }>} spoken
 */
const fillGaps = (times, spoken) => {
  const count = times.length / 2
  for (let word = 0; word < count; word++) {
    if (!Number.isNaN(at(times, 2 * word))) continue
    let next = word
    while (next < count && Number.isNaN(at(times, 2 * next))) next++
    const from = word === 0 ? spoken[0]?.start ?? 0 : at(times, 2 * word - 1)
    const to = Math.max(from, next === count ? spoken.at(-1)?.end ?? 0 : at(times, 2 * next))
    const share = (to - from) / (next - word)
    for (let gap = word; gap < next; gap++) {
      times[2 * gap] = from + share * (gap - word)
      times[2 * gap + 1] = from + share * (gap - word + 1)
    }
  }
  return times
}

/** Every index above is inside its table, which the compiler cannot see.
 * @type {(table: Float64Array | Uint32Array, index: number) => number} */
const at = (table, index) => table[index] ?? 0
