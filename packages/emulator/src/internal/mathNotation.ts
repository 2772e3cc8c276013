// An operand, with the currency sign that the right one may carry.
const rules: ReadonlyArray<readonly [RegExp, string]> = [
  [/(\d)\s*(?:\*\*|\^)\s*(?=[$€£₹]?\d)/g, "$1 to the power of "],
  [/(\d)\s*[×xX*]\s*(?=[$€£₹]?\d)/g, "$1 times "],
  [/(\d)(?:\s*÷\s*|\s+\/\s+)(?=[$€£₹]?\d)/g, "$1 divided by "],
  [/(\d)\s*\+\s*(?=[$€£₹]?\d)/g, "$1 plus "],
  [/(\d)\s+[-–−]\s+(?=[$€£₹]?\d)/g, "$1 minus "],
  [/(\d)\s*=\s*(?=[$€£₹]?\d)/g, "$1 equals "]
]

/**
 * Writes operators between digits as English words. A `-` or `/` without blanks around it is left alone: it may belong to
 * a date, a range or a fraction.
 *
 * @internal
 */
export const spellOut = (text: string): string =>
  rules.reduce((spelled, [operator, word]) => spelled.replace(operator, word), text)
