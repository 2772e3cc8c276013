/** As many bytes as tell one kind of file from another. @internal */
export const enough = 64

const signatures: ReadonlyArray<readonly [offset: number, signature: string, name: string]> = [
  [0, "ID3", "an MP3 file"],
  [0, "\xff\xfe", "text in UTF-16"],
  [0, "\xfe\xff", "text in UTF-16"],
  [0, "OggS", "an Ogg file"],
  [0, "fLaC", "a FLAC file"],
  [4, "ftypM4", "an M4A file"],
  [4, "ftyp", "an MP4 file"],
  [0, "FORM", "an AIFF file"],
  [0, ".snd", "an AU file"],
  [0, "caff", "a CAF file"],
  [0, "riff", "a Wave64 file"],
  [0, "\x1aE\xdf\xa3", "a WebM or Matroska file"],
  [0, "0&\xb2u", "a Windows Media file"],
  [0, "#!AMR", "an AMR file"],
  [0, "MThd", "a MIDI file"],
  [8, "AVI ", "an AVI file"],
  [8, "WEBP", "a WebP picture"],
  [0, "\x89PNG", "a PNG picture"],
  [0, "\xff\xd8\xff", "a JPEG picture"],
  [0, "%PDF", "a PDF document"],
  [0, "PK\x03\x04", "a ZIP archive"],
  [0, "\x1f\x8b", "a file compressed with gzip"]
]

// MPEG audio begins with 11 bits that are set; a layer of 0 is ADTS, which holds AAC.
const mpeg = (bytes: Uint8Array): string | undefined => {
  const [first = 0, second = 0, third = 0] = bytes
  if (first !== 0xff || (second & 0xe0) !== 0xe0 || bytes.length < 4) return undefined
  if ((second & 0xf6) === 0xf0) return "an AAC file"
  const isFrame = (second & 0x18) !== 0x08 && (second & 0x06) !== 0 && (third & 0xf0) !== 0xf0 &&
    (third & 0x0c) !== 0x0c
  return isFrame ? "an MP3 file" : undefined
}

// oxlint-disable-next-line no-control-regex -- control characters are what text does not have
const binary = /[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]/

const written = (bytes: Uint8Array): string | undefined => {
  // A character that is cut at the end is no sign of anything.
  const text = new TextDecoder().decode(bytes, { stream: true }).trimStart()
  if (text === "" || binary.test(text)) return undefined
  if (/^<(?:!doctype html|html|head|body)/i.test(text)) return "a web page"
  if (text.startsWith("<")) return "XML or HTML"
  if (/^(?:\{\s*(?:"|\}|$)|\[\s*(?:[[{"\]\d-]|$))/.test(text)) return "JSON"
  return "text"
}

/**
 * What a file is by its first bytes, as in "an MP3 file", if it is anything known.
 *
 * @internal
 */
export const fileKind = (bytes: Uint8Array): string | undefined => {
  const latin = String.fromCharCode(...bytes)
  return signatures.find(([offset, signature]) => latin.startsWith(signature, offset))?.[2] ?? mpeg(bytes) ??
    written(bytes)
}
