type Example = readonly [command: string, purpose: string]

const name = "effect-smallest"

/** What `--help` shows if no command is named. */
const general: ReadonlyArray<Example> = [
  [`${name} speak "Hello there."`, "Hear speech"],
  [`${name} speak "Hello there." --out hello.wav`, "Save speech"],
  [`${name} play hello.wav`, "Hear what was saved"],
  [`${name} speak --file letter.txt --voice slt --speed 1.2 --out letter.wav`, "Speak a text file, a little faster"],
  [`echo "Hello there." | ${name} speak --out - | aplay`, "Read from a pipe and write to one"],
  [
    `${name} speak "Press one." --raw --sample-rate 8000 --out press.pcm`,
    "Samples for a telephone line, without a header"
  ],
  [`${name} batch lines.csv --out speech`, "Speak every row of a table"],
  [`${name} doctor`, "Find out what is missing"],
  [
    `${name} --completions bash > ~/.local/share/bash-completion/completions/${name}`,
    "Complete commands with the tab key"
  ]
]

const ofCommand: Record<string, ReadonlyArray<Example>> = {
  speak: [
    [`${name} speak "Hello there."`, "Hear speech"],
    [`${name} speak "Hello there." --out hello.wav --play`, "Save it, too"],
    [`${name} speak --file book.txt --out book.wav --captions book.vtt`, "A book, with captions"],
    [`tail -f log.txt | ${name} speak`, "Text that is still being written"],
    [`${name} speak "Hello there." --out - | ffmpeg -i - hello.mp3`, "Another format"],
    [`${name} speak --out cold.wav -- "-5 degrees"`, "A text that begins with -"]
  ],
  play: [
    [`${name} play hello.wav`, "Hear a file"],
    [`sox hello.wav -t wav - tempo 1.5 | ${name} play -`, "Hear a pipe"]
  ],
  batch: [
    [`${name} batch lines.csv --out speech`, "Each row has an id, a text, and options such as voice or speed"],
    [`${name} batch lines.jsonl --out speech --engine waves --concurrency 5`, "As many at once as the account allows"]
  ],
  narrate: [
    [`${name} narrate book.epub --plan book.json`, "Chapters, characters and minutes, before a word is spoken"],
    [`${name} narrate book.epub --out audiobook`, "An audiobook with chapters and captions; run it again to resume"],
    [
      `${name} narrate book.json --out audiobook --engine waves --voice sophia --concurrency 5`,
      "The edited plan, in the cloud"
    ]
  ],
  inspect: [
    [`${name} inspect hello.wav`, "Format, length, loudness and a picture"],
    [`${name} inspect hello.wav --json | jq .duration`, "For a program"]
  ],
  doctor: [
    [`${name} doctor`, "Versions, players, key, server, and a test of each"],
    [`${name} doctor --offline --json`, "For a program, without the network"]
  ],
  voices: [
    [`${name} voices --engine waves --language Hindi --gender female`, "Some voices of today's cloud"],
    [`${name} voices --engine waves --json | jq -r .[].id`, "For a program"]
  ],
  models: [[`${name} models --engine waves --language ja`, "The models of today's cloud that speak Japanese"]],
  languages: [[`${name} languages --engine waves`, "The languages of today's cloud"]],
  clones: [
    [`voice=$(${name} clones create me.wav --name Me)`, "A voice created from a recording"],
    [`${name} speak "Is it me?" --voice "$voice"`, "Speech with it"],
    [`${name} clones list`, "What there is"]
  ],
  dictionaries: [
    [`id=$(${name} dictionaries create --item SQL=sequel)`, "How a word is said"],
    [`${name} speak "I speak SQL." --dictionary "$id"`, "Speech that says it so"],
    [`${name} dictionaries update "$id" words.txt`, "Other words, from lines such as SQL=sequel"]
  ],
  emulator: [
    [`${name} emulator --port 8787`, "The vendor's API on this machine"],
    [
      `${name} emulator --engine tone --concurrency 1 --latency 200`,
      "Melodies instead of speech, and the limits of a plan"
    ]
  ]
}

/**
 * What `--help` shows.
 *
 * @internal
 */
export const examples = (command: string | undefined): ReadonlyArray<Example> =>
  command !== undefined && Object.hasOwn(ofCommand, command) ? ofCommand[command] ?? general : general
