import { Audio, Pcm, Wav } from "@effect-smallest/core"
import { fromHex, hex } from "@effect-smallest/test-support/pcm"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Either, Exit, FastCheck, Option, Stream } from "effect"

const mono = Pcm.format(24000)

const ascii = (text: string) => new TextEncoder().encode(text)

const uint32 = (value: number) => new Uint8Array(new Uint32Array([value]).buffer)

/** A chunk of a RIFF file. `size` lies about its length. */
const riffChunk = (tag: string, data: Uint8Array, size = data.length) =>
  Pcm.concatBytes([ascii(tag), uint32(size), data, new Uint8Array(data.length % 2)])

const riff = (chunks: ReadonlyArray<Uint8Array>, size?: number) => {
  const body = Pcm.concatBytes([ascii("WAVE"), ...chunks])
  return Pcm.concatBytes([ascii("RIFF"), uint32(size ?? body.length), body])
}

const fmt = (
  options: {
    readonly tag?: number
    readonly channels?: number
    readonly sampleRate?: number
    readonly bits?: number
    readonly extra?: Uint8Array
  } = {}
) => {
  const { bits = 16, channels = 1, extra = new Uint8Array(0), sampleRate = 24000, tag = 1 } = options
  const bytes = new Uint8Array(16 + extra.length)
  const view = new DataView(bytes.buffer)
  const block = channels * bits / 8
  view.setUint16(0, tag, true)
  view.setUint16(2, channels, true)
  view.setUint32(4, sampleRate, true)
  view.setUint32(8, sampleRate * block, true)
  view.setUint16(12, block, true)
  view.setUint16(14, bits, true)
  bytes.set(extra, 16)
  return riffChunk("fmt ", bytes)
}

/** The rest of an extensible fmt chunk: its length, valid bits, speakers, and the GUID that starts with the format. */
const extension = (tag: number, rest = "000000001000800000aa00389b71") =>
  Pcm.concatBytes([
    new Uint8Array(new Uint16Array([22, 16]).buffer),
    uint32(4),
    new Uint8Array(new Uint16Array([tag]).buffer),
    fromHex(rest)
  ])

const sound = new Uint8Array([1, 0, 2, 0, 3, 0, 4, 0])
const list = riffChunk("LIST", ascii("INFOISFT\u0005\0\0\0odd!\0"))

const right = (bytes: Uint8Array): Audio.Audio => Either.getOrThrowWith(Wav.decode(bytes), (error) => error)
const left = (bytes: Uint8Array): Wav.WavError => Either.getOrThrow(Either.flip(Wav.decode(bytes)))

const truncated = riff([fmt(), riffChunk("data", sound)]).subarray(0, -2)

describe("Wav.header", () => {
  it.each([
    [24000, 0, "524946462400000057415645666d74201000000001000100c05d000080bb0000020010006461746100000000"],
    [24000, 122880, "5249464624e0010057415645666d74201000000001000100c05d000080bb0000020010006461746100e00100"],
    [44100, 239904, "5249464644a9030057415645666d7420100000000100010044ac000088580100020010006461746120a90300"],
    [8000, 16000, "52494646a43e000057415645666d74201000000001000100401f0000803e00000200100064617461803e0000"],
    [48000, 96000, "524946462477010057415645666d7420100000000100010080bb000000770100020010006461746100770100"]
  ])("%s Hz with %s bytes - the canonical 44 bytes", (sampleRate, dataLength, expected) => {
    assert.strictEqual(hex(Wav.header(Pcm.format(sampleRate), dataLength)), expected)
  })

  it("without a length both sizes are open", () => {
    const header = hex(Wav.header(mono))
    assert.strictEqual(header.slice(8, 16), "ffffffff")
    assert.strictEqual(header.slice(-8), "ffffffff")
  })

  it("stereo has frames of four bytes", () => {
    const view = new DataView(Wav.header(Pcm.format(44100, 2), 8).buffer)
    assert.strictEqual(view.getUint16(22, true), 2)
    assert.strictEqual(view.getUint32(28, true), 176400)
    assert.strictEqual(view.getUint16(32, true), 4)
  })

  it("more audio than that makes an RF64 file", () => {
    const length = Wav.maxDataLength + 1
    const bytes = Wav.header(Pcm.format(24000, 2), length)
    const view = new DataView(bytes.buffer)
    assert.strictEqual(bytes.length, Wav.longHeaderLength)
    assert.strictEqual(new TextDecoder("latin1").decode(bytes.subarray(0, 4)), "RF64")
    assert.strictEqual(view.getUint32(4, true), 0xffffffff)
    assert.strictEqual(view.getBigUint64(20, true), BigInt(length + 72))
    assert.strictEqual(view.getBigUint64(28, true), BigInt(length))
    assert.strictEqual(view.getBigUint64(36, true), BigInt(Math.floor(length / 4)))
    assert.strictEqual(view.getUint32(76, true), 0xffffffff)
  })

  it("the largest length still fits the 32-bit sizes", () => {
    const view = new DataView(Wav.header(mono, Wav.maxDataLength).buffer)
    assert.strictEqual(view.getUint32(40, true), Wav.maxDataLength)
    assert.strictEqual(view.getUint32(4, true), Wav.maxDataLength + 36)
  })
})

describe("Wav.decode", () => {
  it.prop(
    "gives back what encode was given",
    {
      samples: FastCheck.int16Array({ maxLength: 300 }),
      sampleRate: FastCheck.integer({ min: 1, max: 384_000 }),
      channels: FastCheck.integer({ min: 1, max: 6 })
    },
    ({ channels, sampleRate, samples }) => {
      const whole = samples.subarray(0, samples.length - samples.length % channels)
      const chunk = Pcm.fromSamples(Pcm.format(sampleRate, channels), whole)
      const audio = Audio.unsafeMake(chunk.format, chunk.bytes)
      const decoded = right(Wav.encode(audio))
      assert.deepStrictEqual(decoded.format, audio.format)
      assert.deepStrictEqual(decoded.bytes, chunk.bytes.slice())
      assert.deepStrictEqual(decoded.duration, audio.duration)
    }
  )

  it("shares the memory of the file, also inside a larger buffer", () => {
    const file = riff([fmt(), riffChunk("data", sound)])
    const larger = new Uint8Array(file.length + 7)
    larger.set(file, 3)
    const audio = right(larger.subarray(3, 3 + file.length))
    assert.strictEqual(audio.bytes.buffer, larger.buffer)
    assert.deepStrictEqual(audio.bytes.slice(), sound)
  })

  it.each([
    ["LIST before", riff([fmt(), list, riffChunk("data", sound)])],
    ["LIST first", riff([list, fmt(), riffChunk("data", sound)])],
    ["LIST after", riff([fmt(), riffChunk("data", sound), list])],
    ["odd chunk padding", riff([fmt(), riffChunk("note", ascii("abc")), riffChunk("data", sound)])],
    ["fmt of 18 bytes", riff([fmt({ extra: new Uint8Array(2) }), riffChunk("data", sound)])],
    ["WAVE_FORMAT_EXTENSIBLE", riff([fmt({ tag: 0xfffe, extra: extension(1) }), riffChunk("data", sound)])],
    ["a RIFF size of 0", riff([fmt(), riffChunk("data", sound)], 0)],
    ["bytes after the last chunk", Pcm.concatBytes([riff([fmt(), riffChunk("data", sound)]), ascii("junk")])],
    ["a data size of 0xffffffff", riff([fmt(), riffChunk("data", sound, 0xffffffff)], 0xffffffff)],
    ["a data size of 0x7fffffff", riff([fmt(), riffChunk("data", sound, 0x7fffffff)], 0x7fffffff)],
    ["SoX's sizes for pipes", riff([fmt(), riffChunk("data", sound, 0x7ffff000)], 0x7ffff024)],
    ["a data size of 0 and an open file", riff([fmt(), riffChunk("data", sound, 0)], 0xffffffff)],
    ["a data size of 0 in a file that is said to be its header", riff([fmt(), riffChunk("data", sound, 0)], 36)],
    ["sizes of 0", riff([fmt(), riffChunk("data", sound, 0)], 0)],
    [
      "a streaming size and half a frame",
      riff([fmt(), riffChunk("data", Pcm.concatBytes([sound, new Uint8Array(1)]), 0xffffffff)], 0)
    ]
  ])("reads a file with %s", (_, file) => {
    const audio = right(file)
    assert.deepStrictEqual(audio.format, mono)
    assert.strictEqual(hex(audio.bytes).slice(0, 16), hex(sound))
  })

  it("a finished file without audio is empty, whatever metadata follow", () => {
    assert.strictEqual(right(riff([fmt(), riffChunk("data", new Uint8Array(0)), list])).bytes.length, 0)
    assert.strictEqual(right(riff([fmt(), riffChunk("data", new Uint8Array(0))])).bytes.length, 0)
    assert.strictEqual(right(Wav.header(mono)).bytes.length, 0)
  })

  it.each<readonly [string, Uint8Array, Wav.WavError["reason"], RegExp]>([
    ["nothing", new Uint8Array(0), "NotWav", /empty/],
    ["another RIFF file", Pcm.concatBytes([ascii("RIFF"), uint32(4), ascii("AVI ")]), "NotWav", /AVI file/],
    ["no fmt chunk", riff([list]), "NotWav", /no fmt/],
    ["no data chunk", riff([fmt()]), "NotWav", /no data/],
    ["data before fmt", riff([riffChunk("data", sound), fmt()]), "Corrupt", /before/],
    ["a truncated end", truncated, "Corrupt", /claims 8 bytes but 6/],
    ["a hostile data size", riff([fmt(), riffChunk("data", sound, 0xff000000)]), "Corrupt", /claims 4278190080/],
    [
      "a hostile LIST size",
      riff([fmt(), riffChunk("LIST", sound, 0xffffffff), riffChunk("data", sound)]),
      "Corrupt",
      /claims/
    ],
    [
      "a short fmt chunk",
      riff([riffChunk("fmt ", new Uint8Array(14)), riffChunk("data", sound)]),
      "Corrupt",
      /14 bytes/
    ],
    [
      "an extensible fmt chunk without a format",
      riff([fmt({ tag: 0xfffe }), riffChunk("data", sound)]),
      "Corrupt",
      /extensible/
    ],
    ["no channels", riff([fmt({ channels: 0 }), riffChunk("data", sound)]), "Corrupt", /0 channels/],
    ["a rate of 0", riff([fmt({ sampleRate: 0 }), riffChunk("data", sound)]), "Corrupt", /0 Hz/],
    ["40 bits", riff([fmt({ bits: 40 }), riffChunk("data", sound)]), "Unsupported", /40 bits/],
    ["half-precision", riff([fmt({ tag: 3 }), riffChunk("data", sound)]), "Unsupported", /floating point of 16 bits/],
    ["MP3 in WAV", riff([fmt({ tag: 0x55 }), riffChunk("data", sound)]), "Unsupported", /is MP3/],
    [
      "a GUID that only begins like PCM",
      riff([fmt({ tag: 0xfffe, extra: extension(1, "000000001000800000aa00389b72") }), riffChunk("data", sound)]),
      "Unsupported",
      /0100000000001000800000aa00389b72/
    ],
    ["an unknown encoding", riff([fmt({ tag: 0x2000 }), riffChunk("data", sound)]), "Unsupported", /format 8192/]
  ])("refuses %s", (_, file, reason, message) => {
    const error = left(file)
    assert.strictEqual(error.reason, reason)
    assert.match(error.message, message)
    assert.match(
      error.message,
      reason === "Unsupported" ? /Convert the file/ : error.found === undefined ? /complete WAV file/ : /Convert it/
    )
  })

  it("hostile sizes allocate nothing", () => {
    const file = riff([fmt(), riffChunk("data", sound, 0xff000000)])
    const before = process.memoryUsage()
    for (let i = 0; i < 1000; i++) left(file)
    const after = process.memoryUsage()
    assert.isBelow(after.arrayBuffers - before.arrayBuffers, 1_000_000)
  })

  const seeds = [
    riff([fmt(), list, riffChunk("data", sound), list]),
    riff([fmt({ tag: 0xfffe, extra: extension(1), channels: 2 }), riffChunk("data", sound)]),
    riff([riffChunk("note", ascii("abc")), fmt(), riffChunk("data", sound, 0xffffffff)], 0)
  ]

  it.prop(
    "10,000 damaged files - audio within the file or a WavError, never an exception",
    {
      seed: FastCheck.constantFrom(...seeds),
      edits: FastCheck.array(
        FastCheck.tuple(FastCheck.nat(), FastCheck.constantFrom(0, 1, 2, 3, 6, 0x7f, 0x80, 0xfe, 0xff)),
        {
          maxLength: 6
        }
      ),
      length: FastCheck.nat({ max: 120 })
    },
    ({ edits, length, seed }) => {
      const file = seed.slice(0, length)
      for (const [place, value] of edits) {
        if (file.length > 0) file[place % file.length] = value
      }
      const result = Wav.decode(file)
      if (Either.isRight(result)) {
        const { bytes, format } = result.right
        assert.isAtMost(bytes.byteOffset - file.byteOffset + bytes.length, file.length)
        assert.strictEqual(bytes.length % Pcm.frameSize(format), 0)
        assert.isAbove(format.sampleRate, 0)
      } else {
        assert.instanceOf(result.left, Wav.WavError)
      }
    },
    { fastCheck: { numRuns: 10_000 } }
  )
})

describe("Wav.encodeStream", () => {
  const audio = Stream.make(
    Pcm.unsafeMake(mono, sound.subarray(0, 2)),
    Pcm.unsafeMake(mono, sound.subarray(2))
  )
  const encoded = (stream: Stream.Stream<Uint8Array>) => Effect.map(Stream.runCollect(stream), Pcm.concatBytes)

  it.effect("with a length it is the same file as encode makes", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* encoded(audio.pipe(Wav.encodeStream({ dataLength: 8 }))),
        Wav.encode(Audio.unsafeMake(mono, sound))
      )
    }))

  it.effect("without one it carries open sizes, which decode reads to the end", () =>
    Effect.gen(function*() {
      const file = yield* encoded(Wav.encodeStream(audio))
      assert.deepStrictEqual(file.subarray(0, 44), Wav.header(mono))
      assert.deepStrictEqual(right(file).bytes.slice(), sound)
    }))

  it.effect("the header comes with the first audio and only there, and each run has its own", () =>
    Effect.gen(function*() {
      const stream = audio.pipe(Stream.rechunk(1), Wav.encodeStream())
      for (let run = 0; run < 2; run++) {
        const pieces = Chunk.toReadonlyArray(yield* Stream.runCollect(stream))
        assert.deepStrictEqual(pieces.map((piece) => piece.length), [44, 2, 6])
      }
      assert.strictEqual(Chunk.size(yield* Stream.runCollect(Wav.encodeStream(Stream.empty))), 0)
    }))
})

describe("Wav.decodeStream", () => {
  const pieces = (file: Uint8Array, size: number) =>
    Stream.fromIterable(
      Array.from({ length: Math.ceil(file.length / size) }, (_, i) => file.subarray(i * size, (i + 1) * size))
    ).pipe(Stream.rechunk(1))

  const bytesOf = (stream: Stream.Stream<Pcm.PcmChunk, Wav.WavError>) =>
    Effect.map(Stream.runCollect(stream), (chunks) => Pcm.concatBytes(Chunk.map(chunks, ({ bytes }) => bytes)))

  const files = [
    riff([fmt(), list, riffChunk("data", sound), list]),
    riff([fmt({ tag: 0xfffe, extra: extension(1), channels: 2 }), riffChunk("data", sound)]),
    riff([riffChunk("note", ascii("abc")), fmt(), riffChunk("data", sound, 0xffffffff)], 0),
    riff([fmt(), riffChunk("data", sound, 0x7ffff000)], 0x7ffff024),
    riff([fmt(), riffChunk("data", new Uint8Array(0)), list]),
    riff([riffChunk("fmt ", new Uint8Array(0)), riffChunk("data", sound)])
  ]

  it.prop(
    "of 1,000 damaged files, cut anywhere - the audio or the error of decode",
    {
      seed: FastCheck.constantFrom(...files),
      edits: FastCheck.array(
        FastCheck.tuple(FastCheck.nat(), FastCheck.constantFrom(0, 1, 2, 3, 6, 0x7f, 0x80, 0xfe, 0xff)),
        { maxLength: 4 }
      ),
      length: FastCheck.nat({ max: 120 }),
      size: FastCheck.integer({ min: 1, max: 60 })
    },
    ({ edits, length, seed, size }) => {
      const file = seed.slice(0, length)
      for (const [place, value] of edits) {
        if (file.length > 0) file[place % file.length] = value
      }
      const streamed = Effect.runSync(Effect.either(bytesOf(Wav.decodeStream(pieces(file, size)))))
      assert.deepStrictEqual(
        Either.map(streamed, hex),
        Either.map(Wav.decode(file), ({ bytes }) => hex(bytes))
      )
    },
    { fastCheck: { numRuns: 1000 } }
  )

  it.effect("open tells the format and the length before the audio is read", () =>
    Effect.gen(function*() {
      const [sized, open, empty] = yield* Effect.forEach(
        [
          riff([fmt(), list, riffChunk("data", sound)]),
          riff([fmt(), riffChunk("data", sound, 0xffffffff)], 0),
          riff([
            fmt(),
            riffChunk("data", new Uint8Array(0)),
            list
          ])
        ],
        (file) => Wav.open(pieces(file, 3))
      )
      assert.deepStrictEqual(sized?.format, mono)
      assert.deepStrictEqual(
        [sized, open, empty].map((file) => file?.dataLength),
        [Option.some(8), Option.none(), Option.some(0)]
      )
      assert.deepStrictEqual(yield* bytesOf(sized?.pcm ?? Stream.empty), sound)
      assert.strictEqual((yield* bytesOf(empty?.pcm ?? Stream.empty)).length, 0)
    }).pipe(Effect.scoped))

  it.effect("gives the audio of a file that is cut off, and then says what is missing", () =>
    Effect.gen(function*() {
      const heard: Array<number> = []
      const exit = yield* Wav.decodeStream(pieces(truncated, 5)).pipe(
        Stream.runForEach(({ bytes }) => Effect.sync(() => heard.push(...bytes))),
        Effect.exit
      )
      assert.deepStrictEqual(heard, Array.from(sound.subarray(0, 6)))
      assert.match(String(Exit.isFailure(exit) && exit.cause), /claims 8 bytes but 6 are there/)
    }))

  it.effect("fails with the error of the bytes, and reads nothing after the audio", () =>
    Effect.gen(function*() {
      const file = riff([fmt(), riffChunk("data", sound)])
      const broken = Stream.concat(pieces(file.subarray(0, 47), 5), Stream.fail("the disk broke"))
      assert.strictEqual(yield* Effect.flip(Stream.runDrain(Wav.decodeStream(broken))), "the disk broke")
      const endless = Stream.concat(pieces(file, 5), Stream.fail("read too far"))
      yield* Stream.runDrain(Wav.decodeStream(endless))
    }))

  it.effect("skips a hostile chunk without keeping it", () =>
    Effect.gen(function*() {
      const megabyte = new Uint8Array(2 ** 20)
      const size = 300 * megabyte.length
      const head = Pcm.concatBytes([riff([fmt()], 0), ascii("LIST"), uint32(size)])
      const file = Stream.make(head).pipe(
        Stream.concat(Stream.take(Stream.repeatValue(megabyte), 300)),
        Stream.concat(Stream.make(riffChunk("data", sound)))
      )
      const before = process.memoryUsage().arrayBuffers
      assert.deepStrictEqual(yield* bytesOf(Wav.decodeStream(file)), sound)
      assert.isBelow(process.memoryUsage().arrayBuffers - before, 20_000_000)
    }))
})
