/**
 * A type of file that the vendor clones voices from.
 *
 * @internal
 */
export interface RecordingType {
  readonly mediaType: "audio/wav" | "audio/mpeg" | "audio/webm" | "audio/mp4"
  readonly extension: "wav" | "mp3" | "webm" | "mp4"
}

/** @internal */
export const maxBytes = 5_000_000

const ascii = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to))

// An MPEG frame of layer III begins with eleven bits that are set, a version and the layer.
const isMpegFrame = ([first = 0, second = 0]: Uint8Array): boolean => first === 0xff && (second & 0xe6) === 0xe2

const isEbml = (bytes: Uint8Array): boolean => ascii(bytes, 0, 4) === "\x1a\x45\xdf\xa3"

// A name or a header may lie about what a file is; its first bytes do not.
const typeOf = (bytes: Uint8Array): RecordingType | undefined => {
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 12) === "WAVE") {
    return { mediaType: "audio/wav", extension: "wav" }
  }
  if (ascii(bytes, 0, 3) === "ID3" || isMpegFrame(bytes)) return { mediaType: "audio/mpeg", extension: "mp3" }
  if (isEbml(bytes)) return { mediaType: "audio/webm", extension: "webm" }
  if (ascii(bytes, 4, 8) === "ftyp") return { mediaType: "audio/mp4", extension: "mp4" }
  return undefined
}

/**
 * What a recording is, or what is wrong with it.
 *
 * @internal
 */
export const inspect = (
  bytes: Uint8Array
): { readonly type: RecordingType; readonly problem?: undefined } | {
  readonly type?: undefined
  readonly problem: string
} => {
  if (bytes.length === 0) return { problem: "The recording is empty" }
  if (bytes.length > maxBytes) {
    return { problem: "The recording is larger than the 5 MB that the server takes: 5 to 15 seconds are enough" }
  }
  const type = typeOf(bytes)
  return type === undefined
    ? { problem: "The recording is neither WAV nor MP3, WebM or MP4: convert it to WAV" }
    : { type }
}
