/** What is known of a command. */
interface Known {
  readonly name: string
  /** Its help, in plain text. */
  readonly help: string
  /** The names of its own commands. */
  readonly subcommands: ReadonlyArray<string>
}

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    row = row.reduce<Array<number>>((next, above, j) => [
      ...next,
      j === 0 ? i : Math.min(above + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1))
    ], [])
  }
  return row[b.length] ?? 0
}

const nearest = (word: string, words: ReadonlyArray<string>): string | undefined => {
  const [best] = words.map((known) => ({ known, far: distance(word, known) })).toSorted((a, b) => a.far - b.far)
  return best !== undefined && best.far <= Math.max(1, Math.floor(word.length / 3)) ? best.known : undefined
}

const didYouMean = (word: string, words: ReadonlyArray<string>): string => {
  const meant = nearest(word, words)
  return meant === undefined ? "" : `; did you mean ${meant}?`
}

// From here on nothing is an option: after `--` everything is text.
const beforeText = (argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  const end = argv.indexOf("--")
  return end < 0 ? argv : argv.slice(0, end)
}

const repeatable = new Set(["--assume", "--dictionary", "--item", "--tag"])

/**
 * Says what is wrong with arguments in place of the parser, which blames whatever it meets first after the mistake. The
 * parser's own sentence is kept if nothing better is known.
 *
 * @internal
 */
export const explain = (
  { argv, commands, name, said }: {
    /** After the name of the program. */
    readonly argv: ReadonlyArray<string>
    readonly commands: ReadonlyArray<Known>
    readonly name: string
    /** What the parser said. */
    readonly said: string
  }
): string => {
  const [first, ...rest] = argv
  const command = commands.find((command) => command.name === first)
  const names = commands.map(({ name }) => name)
  if (command === undefined) {
    return first === undefined || first.startsWith("-")
      ? `${said} (see ${name} --help)`
      : `There is no command ${first}${
        didYouMean(first, names) || `: there are ${names.join(", ")}. To speak a text: ${name} speak "${first} ..."`
      }`
  }
  // An option that was given a wrong value has said so itself.
  if (said.startsWith("--")) return said
  const see = `(see ${name} ${command.name} --help)`
  const [word] = rest
  if (said.startsWith("Invalid subcommand") && word?.startsWith("-") === false) {
    const { subcommands } = command
    return `${command.name} has no command ${word}${
      didYouMean(word, subcommands) || `: there are ${subcommands.join(", ")}`
    } ${see}`
  }
  const known = [...new Set(command.help.match(/(?<![\w-])--?[a-z][\w-]*/g) ?? [])]
  const given = beforeText(rest).filter((word) => /^-./.test(word)).map((word) => word.split("=")[0] ?? word)
  const hasInput = beforeText(rest).some((word, i, words) =>
    word === "-" && !(words[i - 1]?.startsWith("-") === true && command.help.includes(`${words[i - 1]} `))
  )
  const text = given.find((word) => /^-\d|\s/.test(word))
  const unknown = given.find((word) => !known.includes(word))
  const twice = given.find((word, i) => given.indexOf(word) !== i && !repeatable.has(word))
  const rejected = /Received unknown argument: '([^]*)'/.exec(said)?.[1]
  if (text !== undefined && !known.includes(text)) {
    return `"${text}" looks like an option: write a text that begins with - at the end, after --, as in ` +
      `${name} ${command.name} ... -- "${text}"`
  }
  if (hasInput && command.name === "speak") return `To speak what comes from standard input, write --file - ${see}`
  if (hasInput && command.name === "batch") {
    return `A manifest is a file that ends in .jsonl, .csv or .tsv, and not standard input ${see}`
  }
  if (unknown !== undefined) return `${command.name} has no option ${unknown}${didYouMean(unknown, known)} ${see}`
  if (twice !== undefined) return `${twice} is given twice; give it once`
  if (/options do not have a default value/.test(said)) {
    return `An option that takes pairs was given something else: write name=value, as in --assume blankText=silence ${see}`
  }
  if (rejected === undefined) return `${said} ${see}`
  const takesValue = command.help.includes(`${rejected} `)
  return known.includes(rejected)
    ? takesValue
      ? `${rejected} needs a value ${see}`
      : `${rejected} is not understood there: write it before - and -- ${see}`
    : command.name === "speak"
    ? `Only one text can be spoken, and "${rejected}" is another: put quotes around the whole, as in ${name} speak ` +
      `"${rest.filter((word) => !word.startsWith("-")).slice(0, 2).join(" ")}"`
    : `${command.name} does not know what to do with "${rejected}" ${see}`
}

/**
 * The parser takes whatever follows `-` for text; the commands that read standard input by that name know it in any place.
 *
 * @internal
 */
export const withInputLast = (argv: ReadonlyArray<string>): ReadonlyArray<string> =>
  argv[2] === "play" || argv[2] === "inspect"
    ? [...argv.filter((word) => word !== "-"), ...argv.filter((word) => word === "-")]
    : argv
