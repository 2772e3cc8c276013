import { ForeignAudio, Pcm, Wav } from "@effect-smallest/core"
import { sine } from "@effect-smallest/test-support/pcm"
import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { gzipSync } from "node:zlib"

const latin = (text: string) => new Uint8Array(Buffer.from(text, "latin1"))

/** Frames of 64 kbit/s at 24 kHz: 192 bytes each. */
const mp3 = Buffer.concat(
  Array.from({ length: 3 }, () => Buffer.from([0xff, 0xf3, 0x84, 0xc4, ...new Uint8Array(188)]))
)

describe("ForeignAudio.kindOf", () => {
  it.each<readonly [string, Uint8Array]>([
    ["a WAV file", Wav.header(Pcm.format(24000))],
    ["a WAV file", latin("RF64\xff\xff\xff\xffWAVEds64")],
    ["an MP3 file", mp3],
    ["an MP3 file", latin(`ID3\x04${"\0".repeat(20)}`)],
    ["an Ogg file", latin(`OggS${"\0".repeat(20)}`)],
    ["a FLAC file", latin(`fLaC${"\0".repeat(20)}`)],
    ["a web page", latin("\xef\xbb\xbf  <!DOCTYPE html><title>502</title>")],
    ["XML or HTML", latin("<?xml version=\"1.0\"?><Error>Denied</Error>")],
    ["JSON", latin("{\"error\":\"insufficient credits\"}")],
    ["text", latin("data: {\"audio\":\"AAAA\"}\n\n")],
    ["text", latin("upstream connect error or disconnect")],
    ["compressed with gzip", gzipSync("x".repeat(500))]
  ])("%s", (kind, bytes) => {
    assert.strictEqual(ForeignAudio.kindOf(bytes), kind)
  })

  it.prop("samples - are samples, however they begin", {
    head: FastCheck.constantFrom([], [0xff, 0xfb], [0xff, 0xfe], [0x1f, 0x8b], [0xff, 0xf1], [0x49, 0x44], [
      0x7b,
      0x22
    ]),
    frequency: FastCheck.integer({ min: 50, max: 3000 }),
    level: FastCheck.double({ min: 0.02, max: 1, noNaN: true })
  }, ({ frequency, head, level }) => {
    const samples = sine({ sampleRate: 24000, frequency, seconds: 0.2, level })
    const bytes = new Uint8Array(samples.buffer.slice(0))
    bytes.set(head)
    assert.isUndefined(ForeignAudio.kindOf(bytes))
  })

  it("silence and short pieces - are samples", () => {
    for (const length of [0, 1, 2, 12, 4800]) assert.isUndefined(ForeignAudio.kindOf(new Uint8Array(length)))
    assert.isUndefined(ForeignAudio.kindOf(latin("AB")))
  })
})
