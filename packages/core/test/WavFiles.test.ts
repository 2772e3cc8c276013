/**
 * WAV files as other programs write them.
 */
import { AudioFile, G711, Pcm, Wav } from "@effect-smallest/core"
import { FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Either, FastCheck, Layer, Logger, Option, Stream } from "effect"
import { makeRoom } from "../src/internal/makeRoom.js"

const ascii = (text: string) => new TextEncoder().encode(text)

interface File {
  readonly form?: string
  readonly riff?: number
  readonly data?: number
  readonly tag?: number
  readonly guid?: string
  readonly bits?: number
  readonly block?: number
  readonly channels?: number
  readonly ds64?: readonly [file: bigint, data: bigint]
  readonly audio?: Uint8Array
  readonly after?: Uint8Array
}

/** A file of 4,000 frames at 16 kHz, or as the options say. */
const file = (options: File = {}): Uint8Array => {
  const { after = new Uint8Array(0), audio = frames, bits = 16, channels = 1, ds64, form = "RIFF", guid, tag = 1 } =
    options
  const little = form !== "RIFX"
  const number = (size: 2 | 4 | 8, value: number | bigint) => {
    const bytes = new Uint8Array(size)
    const view = new DataView(bytes.buffer)
    if (size === 2) view.setUint16(0, Number(value), little)
    else if (size === 4) view.setUint32(0, Number(value), little)
    else view.setBigUint64(0, BigInt(value), little)
    return bytes
  }
  const block = options.block ?? channels * Math.ceil(bits / 8)
  const fmt = Pcm.concatBytes([
    number(2, guid === undefined ? tag : 0xfffe),
    number(2, channels),
    number(4, 16000),
    number(4, 16000 * block),
    number(2, block),
    number(2, bits),
    ...(guid === undefined ? [] : [number(2, 22), number(2, bits), number(4, 0), Buffer.from(guid, "hex")])
  ])
  const body = Pcm.concatBytes([
    ascii("WAVE"),
    ...(ds64 === undefined
      ? []
      : [ascii("ds64"), number(4, 28), number(8, ds64[0]), number(8, ds64[1]), number(8, 4000), number(4, 0)]),
    ascii("fmt "),
    number(4, fmt.length),
    fmt,
    ascii("data"),
    number(4, options.data ?? audio.length),
    audio,
    after
  ])
  return Pcm.concatBytes([ascii(form), number(4, options.riff ?? body.length), body])
}

const samples = Int16Array.from({ length: 4000 }, (_, index) => Math.round(20000 * Math.sin(index / 10)) || 1)
const frames = new Uint8Array(samples.buffer)
const list = Pcm.concatBytes([ascii("LIST"), new Uint8Array([4, 0, 0, 0]), ascii("INFO")])

const decoded = (bytes: Uint8Array): Array<number> =>
  Array.from(Pcm.samples(Pcm.unsafeMake(Pcm.format(1), Either.getOrThrow(Wav.decode(bytes)).bytes.slice())))

const bytesOf = (bytes: Uint8Array, size: number) =>
  Stream.fromIterable(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
  ).pipe(Stream.rechunk(1))

const streamed = (bytes: Uint8Array, size: number) =>
  Effect.map(
    Stream.runCollect(Wav.decodeStream(bytesOf(bytes, size))),
    (chunks) => Array.from(Chunk.toReadonlyArray(chunks).flatMap((chunk) => Array.from(Pcm.samples(chunk))))
  )

const refused = (bytes: Uint8Array) => Either.getOrThrow(Either.flip(Wav.decode(bytes)))

describe("Wav - sizes that streams leave behind", () => {
  const near = [2 ** 31, 2 ** 32].flatMap((power) =>
    [-65536, -4096, -256, -80, -44, -37, -36, -9, -8, -1, 0, 1, 36].map((offset) => power + offset)
  ).filter((size) => size <= 0xffffffff)

  it.effect.each([
    [0x7fffffff, 0x7fffffdb],
    [0xffffffff, 0xffffffdb],
    [0xffffffff, 0x80000000],
    [8, 0],
    [0, 0],
    [8, 8],
    [0, 8],
    [36, 0],
    [0xffffffff, 0],
    [0x7fffffff, 0],
    [8036, 0],
    [0, 8000],
    [0, 0xffffffff],
    [8036, 0xffffffff],
    // A writer that subtracts more than others, but the same from both.
    [0x80000000 - 0x9000, 0x80000000 - 0x9000 - 36],
    ...near.map((size) => [0xffffffff, size] as const),
    ...near.map((size) => [size, size >= 2 ** 32 - 36 ? size : size - 36] as const)
  ])("RIFF %i, data %i", ([riff, data]) =>
    Effect.gen(function*() {
      const bytes = file({ riff, data })
      assert.deepStrictEqual(decoded(bytes), Array.from(samples))
      assert.deepStrictEqual(yield* streamed(bytes, 211), Array.from(samples))
      const { warning } = yield* Wav.open(Stream.make(bytes))
      assert.isTrue(Option.isNone(warning))
    }).pipe(Effect.scoped))

  it("a finished file without audio is empty, whatever follows", () => {
    assert.deepStrictEqual(decoded(file({ audio: new Uint8Array(0), after: list })), [])
    assert.deepStrictEqual(decoded(file({ audio: new Uint8Array(0) })), [])
  })

  it("audio that begins with silence is not taken for a chunk", () => {
    const quiet = new Uint8Array(80)
    assert.strictEqual(decoded(file({ audio: quiet, data: 0 })).length, 40)
    assert.strictEqual(decoded(file({ audio: quiet.subarray(0, 4), data: 0 })).length, 2)
  })

  it.each([8002, 16000, 1_000_000, 2 ** 30, 0x7f000000, 0xfff00000 - 1])(
    "a file of %i bytes that was cut says so",
    (data) => {
      assert.match(refused(file({ riff: data + 36, data })).message, /claims \d+ bytes but 8000 are there/)
    }
  )

  it.effect("a last byte that is not a frame is left out with a warning", () =>
    Effect.gen(function*() {
      const odd = file({ audio: Pcm.concatBytes([frames, new Uint8Array(1)]), after: new Uint8Array(1) })
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => void logged.push(String(message)))
      const all = yield* Effect.provide(streamed(odd, 100), Logger.replace(Logger.defaultLogger, logger))
      assert.deepStrictEqual(all, Array.from(samples))
      assert.deepStrictEqual(decoded(odd), Array.from(samples))
      const words = "The data chunk of 8001 bytes ends inside a frame of 2: its last byte is left out"
      assert.deepStrictEqual(logged, [words])
      const { dataLength, warning } = yield* Wav.open(Stream.make(odd))
      assert.deepStrictEqual([warning, dataLength], [Option.some(words), Option.some(8000)])
    }).pipe(Effect.scoped))

  it.each(["RF64", "BW64"])("%s - the ds64 chunk has the sizes", (form) => {
    const sizes = { form, riff: 0xffffffff, data: 0xffffffff }
    const all = Array.from(samples)
    assert.deepStrictEqual(decoded(file({ ...sizes, ds64: [8072n, 8000n], after: list })), all)
    assert.deepStrictEqual(decoded(file({ ...sizes, ds64: [0n, 0n] })), all)
    assert.deepStrictEqual(decoded(file({ ...sizes, ds64: [2n ** 64n - 1n, 2n ** 64n - 1n] })), all)
    assert.deepStrictEqual(decoded(file({ ...sizes, data: 8000, ds64: [8072n, 8000n], after: list })), all)
    assert.match(
      refused(file({ ...sizes, ds64: [5_000_000_072n, 5_000_000_000n] })).message,
      /claims 5000000000 bytes but 8000/
    )
  })
})

describe("Wav - encodings", () => {
  const tagGuid = (tag: string) => `${tag}000000001000800000aa00389b71`
  const write = (size: number, set: (view: DataView, at: number, sample: number) => void) => {
    const bytes = new Uint8Array(size * samples.length)
    const view = new DataView(bytes.buffer)
    samples.forEach((sample, index) => set(view, index * size, sample))
    return bytes
  }
  const set24 = (little: boolean) => (view: DataView, at: number, sample: number) => {
    view.setInt16(little ? at + 1 : at, sample, little)
  }
  const exact: ReadonlyArray<readonly [name: string, File]> = [
    ["16-bit PCM", {}],
    ["24-bit PCM", { bits: 24, audio: write(3, set24(true)) }],
    ["32-bit PCM", { bits: 32, audio: write(4, (view, at, sample) => view.setInt32(at, sample * 65536, true)) }],
    ["32-bit floating point", {
      tag: 3,
      bits: 32,
      audio: write(4, (view, at, sample) => view.setFloat32(at, sample / 32768, true))
    }],
    ["64-bit floating point", {
      tag: 3,
      bits: 64,
      audio: write(8, (view, at, sample) => view.setFloat64(at, sample / 32768, true))
    }],
    // The specification puts 20 bits at the high end of three bytes.
    ["20-bit PCM", { bits: 20, audio: write(3, set24(true)) }],
    ["24-bit PCM", { bits: 24, block: 4, audio: write(4, (view, at, sample) => view.setInt16(at + 2, sample, true)) }],
    ["16-bit PCM", { guid: tagGuid("0100") }],
    ["24-bit PCM", { guid: tagGuid("0100"), bits: 24, audio: write(3, set24(true)) }],
    ["32-bit floating point", {
      guid: tagGuid("0300"),
      bits: 32,
      audio: write(4, (view, at, sample) => view.setFloat32(at, sample / 32768, true))
    }],
    ["16-bit PCM", { form: "RIFX", audio: write(2, (view, at, sample) => view.setInt16(at, sample, false)) }],
    ["24-bit PCM", { form: "RIFX", bits: 24, audio: write(3, set24(false)) }],
    ["32-bit PCM", {
      form: "RIFX",
      bits: 32,
      audio: write(4, (view, at, sample) => view.setInt32(at, sample * 65536, false))
    }],
    ["32-bit floating point", {
      form: "RIFX",
      tag: 3,
      bits: 32,
      audio: write(4, (view, at, sample) => view.setFloat32(at, sample / 32768, false))
    }],
    ["64-bit floating point", {
      form: "RIFX",
      tag: 3,
      bits: 64,
      audio: write(8, (view, at, sample) => view.setFloat64(at, sample / 32768, false))
    }]
  ]

  it.effect.each(exact)("%s, cut anywhere", ([encoding, options]) =>
    Effect.gen(function*() {
      const bytes = file(options)
      assert.deepStrictEqual(decoded(bytes), Array.from(samples))
      for (const size of [11, 4096]) {
        assert.deepStrictEqual(yield* streamed(bytes, size), Array.from(samples))
      }
      const open = yield* Wav.open(Stream.make(bytes))
      assert.deepStrictEqual([open.encoding, open.dataLength], [encoding, Option.some(8000)])
    }).pipe(Effect.scoped))

  it.each(
    [
      ["8-bit", { bits: 8 }, [0, 1, 128, 255], [-32768, -32512, 0, 32512]],
      ["24-bit", { bits: 24 }, [0x7f, 0, 0, 0x80, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0x80], [
        0,
        1,
        0,
        32767,
        -32768
      ]],
      ["32-bit", { bits: 32 }, [0xff, 0x7f, 0, 0, 0, 0x80, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0x80], [
        0,
        1,
        32767,
        -32768
      ]],
      [
        "floating point",
        { tag: 3, bits: 32 },
        Array.from(
          new Uint8Array(new Float32Array([0, 1, -1, 2, -Infinity, NaN, 0.5 / 32768, -0.5 / 32768, 0.4 / 32768]).buffer)
        ),
        [0, 32767, -32768, 32767, -32768, 0, 1, 0, 0]
      ]
    ] as const
  )("%s - is rounded as the table says", (_, options, bytes, expected) => {
    assert.deepStrictEqual(decoded(file({ ...options, audio: new Uint8Array(bytes) })).map((sample) => sample + 0), [
      ...expected
    ])
  })

  it("µ-law and A-law - have the values of G.711", () => {
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code)
    for (const [tag, decode] of [[6, G711.decodeAlaw], [7, G711.decodeUlaw]] as const) {
      assert.deepStrictEqual(decoded(file({ tag, bits: 8, audio: codes })), Array.from(decode(codes)))
      const guid = tagGuid(`0${tag}00`)
      assert.deepStrictEqual(decoded(file({ guid, bits: 8, audio: codes })), Array.from(decode(codes)))
    }
  })

  it.prop(
    "24 bits are within half a step of their value, as 32 bits and floating point are",
    { value: FastCheck.integer({ min: -(2 ** 23), max: 2 ** 23 - 129 }) },
    ({ value }) => {
      const bytes = new Uint8Array(new Int32Array([value]).buffer)
      const [from24 = NaN] = decoded(file({ bits: 24, audio: bytes.subarray(0, 3) }))
      const [from32] = decoded(file({ bits: 32, audio: new Uint8Array(new Int32Array([value * 256]).buffer) }))
      const [fromFloat] = decoded(
        file({ tag: 3, bits: 64, audio: new Uint8Array(new Float64Array([value / 2 ** 23]).buffer) })
      )
      assert.isAtMost(Math.abs(from24 - value / 256), 0.5)
      assert.deepStrictEqual([from32, fromFloat], [from24, from24])
    }
  )

  it("more channels - keep their order, and a last frame that is not whole is left out", () => {
    const audio = new Uint8Array([1, 1, 1, 2, 2, 2, 3, 3, 3])
    const [left, right] = decoded(file({ channels: 2, bits: 24, audio, data: 0xffffffff }))
    assert.deepStrictEqual([left, right], [257, 514])
    assert.strictEqual(decoded(file({ channels: 2, bits: 24, audio, data: 0xffffffff })).length, 2)
  })
})

describe("Wav - what is not a WAV file", () => {
  it.effect.each<readonly [found: string, content: string]>([
    ["an MP3 file", "\xff\xfb\x90\x64\0\0"],
    ["an MP3 file", "\xff\xf3\x44\xc4\0\0"],
    ["an MP3 file", "ID3\x04\0\0"],
    ["an AAC file", "\xff\xf1\x50\x80\0\0"],
    ["an Ogg file", "OggS\0\x02"],
    ["a FLAC file", "fLaC\0\0\0\x22"],
    ["an M4A file", "\0\0\0\x20ftypM4A "],
    ["an MP4 file", "\0\0\0\x20ftypisom"],
    ["an AIFF file", "FORM\0\0\0\0AIFF"],
    ["an AVI file", "RIFF\0\0\0\0AVI LIST"],
    ["a WebM or Matroska file", "\x1aE\xdf\xa3\x01"],
    ["JSON", "{\"error\": \"quota\"}"],
    ["JSON", "[{\"path\": []}]"],
    ["a web page", "\n <!DOCTYPE html><html>"],
    ["a web page", "<html lang=en>"],
    ["XML or HTML", "<?xml version=\"1.0\"?><Error/>"],
    ["text", "Not Found"],
    ["text", "404 page not found, since there is nothing here at all and never was"],
    ["text in UTF-16", "\xff\xfeH\0i\0"],
    ["a file compressed with gzip", "\x1f\x8b\x08\0"]
  ])("%s", ([found, content]) =>
    Effect.gen(function*() {
      const bytes = Buffer.from(content, "latin1")
      const error = refused(bytes)
      assert.deepStrictEqual([error.reason, error.found], ["NotWav", found])
      assert.match(error.message, new RegExp(`^It is ${found}, not a RIFF/WAVE file\\. (Convert it|It may be)`))
      assert.deepStrictEqual(yield* Effect.flip(streamed(bytes, 1)), error)
    }))

  it("nothing, and bytes of no known kind, say so", () => {
    assert.match(refused(new Uint8Array(0)).message, /^The file is empty/)
    assert.match(refused(new Uint8Array(100)).message, /do not begin with a RIFF/)
    assert.strictEqual(refused(new Uint8Array(100)).found, undefined)
  })
})

describe("AudioFile - more than 4 GiB", () => {
  it.effect("becomes an RF64 file, whose header reads back", () =>
    Effect.gen(function*() {
      const format = Pcm.format(48000, 2)
      const chunk = Pcm.unsafeMake(format, new Uint8Array(2 ** 26))
      const count = 65
      const headers: Array<Uint8Array> = []
      const saved = Layer.succeed(
        AudioFile.AudioFile,
        AudioFile.fromDestination(() =>
          Effect.succeed({
            write: () => Effect.void,
            publish: (header) => Effect.sync(() => void headers.push(header))
          })
        )
      )
      const report = yield* AudioFile.save("long.wav", Stream.take(Stream.repeatValue(chunk), count)).pipe(
        Effect.provide(saved)
      )
      const length = count * 2 ** 26
      assert.strictEqual(report.size, Wav.longHeaderLength + length)
      const open = yield* Wav.open(Stream.fromIterable(headers))
      assert.deepStrictEqual([open.format, open.dataLength], [format, Option.some(length)])
    }).pipe(Effect.scoped))

  it.effect("makes room for the longer header in the file", () =>
    Effect.gen(function*() {
      const content = Uint8Array.from({ length: 9_000_001 }, (_, index) => index * 7 + (index >> 11))
      const memory = new Uint8Array(content.length + 36)
      memory.set(content)
      let position = 0
      // As much of a file as is used; reads are shorter than asked for, as those of a system may be.
      const disk: Parameters<typeof makeRoom>[0] = {
        seek: (offset) => Effect.sync(() => void (position = Number(offset))),
        read: (buffer) =>
          Effect.sync(() => {
            const part = memory.subarray(position, position + Math.min(buffer.length, 1_000_000))
            buffer.set(part)
            position += part.length
            return FileSystem.Size(part.length)
          }),
        writeAll: (bytes) =>
          Effect.sync(() => {
            memory.set(bytes, position)
            position += bytes.length
          })
      }
      yield* makeRoom(disk, content.length, 44, 80)
      assert.isTrue(Buffer.from(memory.subarray(80)).equals(content.subarray(44)))
    }))
})
