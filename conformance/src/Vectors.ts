/**
 * What the vendor's server was seen to send and receive: the facts that the scripted server answers by and that the
 * tests of the cloud client compare with.
 */

/** Any key is wrong but this one. */
export const apiKey = "sk_test"

/** What goes into a request of today's API, beyond which nothing may be sent. */
export const speechBodyFields: ReadonlySet<string> = new Set([
  "text",
  "voice_id",
  "model",
  "speed",
  "sample_rate",
  "language",
  "number_pronunciation_language",
  "math_notation",
  "output_format",
  "add_wav_header",
  "pronunciation_dicts",
  "enhancement",
  "similarity",
  "save_history",
  "word_timestamps",
  "session_id",
  "request_id"
])

export const speechModels = ["lightning_v3.1", "lightning_v3.1_pro", "lightning_v3.1_pro_07_26"]

export const speechSampleRates = [8000, 16000, 24000, 44100]

export const speechOutputFormats = ["wav", "ulaw", "alaw", "pcm", "mp3"]

/** Some voices; each pool refuses those of the other. */
export const proVoices = ["meher", "rhea", "aarini", "sophie", "maya"]

export const standardVoices = ["magnus", "sophia", "robert", "advika"]

/** The voices of the API of 2024. */
export const lightningV1Voices = [
  "emily",
  "jasmine",
  "arman",
  "james",
  "mithali",
  "aravind",
  "raj",
  "arjun",
  "sanya",
  "saina",
  "pooja",
  "saurabh",
  "nisha",
  "mansi",
  "radhika",
  "kajal",
  "raghav",
  "deepika",
  "niharika",
  "monika",
  "raman",
  "diya",
  "ananya",
  "william"
]

/** What the first Python client sends for `synthesize("Hello, World!")`; we send the text as it was written. */
export const lightningV1Defaults = {
  text: "Hello, World!",
  sample_rate: 24000,
  voice_id: "emily",
  add_wav_header: true,
  speed: 1,
  model: "lightning",
  transliterate: false,
  remove_extra_silence: true
}

export const jsonType = "application/json; charset=utf-8"

/** An answer that is no audio, and the error that it must become on every route. */
export interface ErrorVector {
  readonly name: string
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
  readonly expect: {
    readonly tag: string
    readonly description: string
    readonly isRetryable: boolean
    readonly fields?: Readonly<Record<string, unknown>>
  }
}

const json = (body: unknown) => JSON.stringify(body)

export const errors: ReadonlyArray<ErrorVector> = [
  {
    name: "400 with an issue about the output format",
    status: 400,
    body: json({
      error: [{
        received: "mulaw",
        code: "invalid_enum_value",
        options: ["wav", "ulaw", "alaw", "pcm", "mp3"],
        path: ["output_format"],
        message: "Invalid enum value. Expected 'wav' | 'ulaw' | 'alaw' | 'pcm' | 'mp3', received 'mulaw'"
      }]
    }),
    expect: {
      tag: "InvalidSpeechRequest",
      description: "Invalid enum value. Expected 'wav' | 'ulaw' | 'alaw' | 'pcm' | 'mp3', received 'mulaw'",
      isRetryable: false,
      fields: { parameter: "outputFormat" }
    }
  },
  {
    name: "400 with an issue about the voice",
    status: 400,
    body: json({ error: [{ code: "custom", path: ["voice_id"], message: "Invalid Voice ID" }] }),
    expect: { tag: "UnknownVoice", description: "Invalid Voice ID", isRetryable: false }
  },
  {
    name: "400 with an issue about the language",
    status: 400,
    body: json({
      error: [{
        code: "custom",
        path: ["language"],
        message: "Language 'xx' is not supported on the lightning_v3.1 model. Supported languages: en, hi, mr, ..."
      }]
    }),
    expect: {
      tag: "InvalidSpeechRequest",
      description: "Language 'xx' is not supported on the lightning_v3.1 model. Supported languages: en, hi, mr, ...",
      isRetryable: false,
      fields: { parameter: "language" }
    }
  },
  {
    name: "400 with an issue about a missing text",
    status: 400,
    body: json({
      error: [{ code: "invalid_type", expected: "string", received: "undefined", path: ["text"], message: "Required" }]
    }),
    expect: {
      tag: "InvalidSpeechRequest",
      description: "Required",
      isRetryable: false,
      fields: { parameter: "text" }
    }
  },
  {
    name: "400 with only an error text",
    status: 400,
    body: json({ error: "Invalid input data" }),
    expect: {
      tag: "InvalidSpeechRequest",
      description: "Invalid input data",
      isRetryable: false,
      fields: { parameter: "request" }
    }
  },
  {
    name: "400 with error and message",
    status: 400,
    body: json({ error: "InvalidRequest", message: "The 'text' field is required." }),
    expect: { tag: "InvalidSpeechRequest", description: "The 'text' field is required.", isRetryable: false }
  },
  {
    name: "400 about the plan",
    status: 400,
    body: json({ status: false, errors: ["This feature requires you to upgrade to a higher plan"] }),
    expect: {
      tag: "NotEntitled",
      description: "This feature requires you to upgrade to a higher plan",
      isRetryable: false
    }
  },
  {
    name: "401 without a key",
    status: 401,
    body: json({ message: "Unauthorized: No tokens provided" }),
    expect: { tag: "InvalidApiKey", description: "Unauthorized: No tokens provided", isRetryable: false }
  },
  {
    name: "401 with a bad key",
    status: 401,
    body: json({ error: "unauthorized" }),
    expect: { tag: "InvalidApiKey", description: "unauthorized", isRetryable: false }
  },
  {
    name: "402",
    status: 402,
    body: json({ error: "Insufficient credits" }),
    expect: { tag: "QuotaExhausted", description: "Insufficient credits", isRetryable: false }
  },
  {
    name: "403 with a nested error",
    status: 403,
    headers: { "x-request-id": "" },
    body: json({ error: { message: "Workspace not entitled", type: "forbidden", request_id: "req-in-body" } }),
    expect: {
      tag: "NotEntitled",
      description: "Workspace not entitled",
      isRetryable: false,
      fields: { requestId: "req-in-body" }
    }
  },
  {
    name: "410",
    status: 410,
    body: json({
      status: "error",
      error_code: "MODEL_DEPRECATED",
      message: "This model is retired. Please migrate to lightning-v3.1 via /waves/v1/lightning-v3.1/get_speech.",
      recommended_endpoint: "/waves/v1/lightning-v3.1/get_speech"
    }),
    expect: {
      tag: "ModelRetired",
      description: "This model is retired. Please migrate to lightning-v3.1 via /waves/v1/lightning-v3.1/get_speech.",
      isRetryable: false
    }
  },
  {
    name: "413",
    status: 413,
    body: json({ error: "Payload too large" }),
    expect: {
      tag: "InvalidSpeechRequest",
      description: "Payload too large",
      isRetryable: false,
      fields: { parameter: "text" }
    }
  },
  {
    name: "422",
    status: 422,
    body: json({ error: [{ path: ["sample_rate"], message: "Invalid input" }] }),
    expect: {
      tag: "InvalidSpeechRequest",
      description: "Invalid input",
      isRetryable: false,
      fields: { parameter: "sampleRate" }
    }
  },
  {
    name: "429 without a word about waiting",
    status: 429,
    body: json({ error: "Rate limit exceeded. Please retry after a short backoff." }),
    expect: {
      tag: "RateLimited",
      description: "Rate limit exceeded. Please retry after a short backoff.",
      isRetryable: true,
      fields: { retryAfter: undefined }
    }
  },
  {
    name: "429 with Retry-After in seconds",
    status: 429,
    headers: { "retry-after": "2" },
    body: json({ error: "Slow down" }),
    expect: { tag: "RateLimited", description: "Slow down", isRetryable: true, fields: { retryAfter: 2000 } }
  },
  {
    name: "429 with retry-after-ms",
    status: 429,
    headers: { "retry-after": "9", "retry-after-ms": "1500" },
    body: json({ error: "Slow down" }),
    expect: { tag: "RateLimited", description: "Slow down", isRetryable: true, fields: { retryAfter: 1500 } }
  },
  {
    name: "429 with Retry-After as a date in the past",
    status: 429,
    headers: { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" },
    body: json({ error: "Slow down" }),
    expect: { tag: "RateLimited", description: "Slow down", isRetryable: true, fields: { retryAfter: 0 } }
  },
  {
    name: "429 with a Retry-After that is nonsense",
    status: 429,
    headers: { "retry-after": "soon" },
    body: json({ error: "Slow down" }),
    expect: { tag: "RateLimited", description: "Slow down", isRetryable: true, fields: { retryAfter: undefined } }
  },
  {
    name: "500",
    status: 500,
    body: json({ error: "InternalServerError", message: "An unexpected error occurred." }),
    expect: {
      tag: "ServerFailure",
      description: "An unexpected error occurred.",
      isRetryable: true,
      fields: { status: 500 }
    }
  },
  {
    name: "500 of the generated contract",
    status: 500,
    headers: { "x-request-id": "" },
    body: json({ status: "error", error_code: "x", message: "bad", request_id: "req-in-body" }),
    expect: {
      tag: "ServerFailure",
      description: "bad",
      isRetryable: true,
      fields: { status: 500, requestId: "req-in-body" }
    }
  },
  {
    name: "502 of a gateway, as a page",
    status: 502,
    headers: { "content-type": "text/html" },
    body: "<html><body>502 Bad Gateway</body></html>",
    expect: {
      tag: "ServerFailure",
      description: "A web page came instead of the speech API's answer",
      isRetryable: true,
      fields: { status: 502 }
    }
  },
  {
    name: "503 of a proxy, as text",
    status: 503,
    headers: { "content-type": "text/plain" },
    body: "upstream connect error",
    expect: {
      tag: "ServerFailure",
      description: "upstream connect error",
      isRetryable: true,
      fields: { status: 503 }
    }
  },
  {
    name: "503 without a body",
    status: 503,
    body: "",
    expect: {
      tag: "ServerFailure",
      description: "The server answered with status 503",
      isRetryable: true,
      fields: { status: 503 }
    }
  },
  {
    name: "504 with JSON that is cut off",
    status: 504,
    body: "{\"error\":",
    expect: { tag: "ServerFailure", description: "{\"error\":", isRetryable: true, fields: { status: 504 } }
  },
  {
    name: "201, which is no success of this API",
    status: 201,
    body: json({}),
    expect: {
      tag: "ServerFailure",
      description: "The server answered with status 201",
      isRetryable: false,
      fields: { status: 201 }
    }
  },
  {
    name: "418",
    status: 418,
    body: json({ error: { message: "I am a teapot", code: "x" } }),
    expect: { tag: "ServerFailure", description: "I am a teapot", isRetryable: false, fields: { status: 418 } }
  }
]

/** A whole stream of two samples in two events, an empty piece, and the end mark. */
export const sseBasic = {
  body: "event: audio\ndata: {\"audio\": \"AAECAw==\", \"done\": false, \"status\": \"206\"}\n\n" +
    "event: audio\ndata: {\"audio\": \"BAUGBw==\", \"done\": false, \"status\": \"206\"}\n\n" +
    "event: audio\ndata: {\"audio\": \"\", \"done\": false, \"status\": \"206\"}\n\n" +
    "data: {\"status\": \"200\", \"done\": true}\n\n",
  pcm: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7)
}

/** How many events the server makes of so many bytes of PCM, besides the end mark. */
export const sseFrames: ReadonlyArray<readonly [bytes: number, frames: number]> = [
  [122880, 128],
  [130560, 136],
  [161280, 168],
  [15360, 16],
  [7680, 8]
]

/** The first bytes of WAV files of so many bytes of audio. */
export const wavHeaders: ReadonlyArray<{
  readonly sampleRate: number
  readonly dataLength: number
  readonly hex: string
}> = [
  {
    sampleRate: 24000,
    dataLength: 0,
    hex: "524946462400000057415645666d74201000000001000100c05d000080bb0000020010006461746100000000"
  },
  {
    sampleRate: 24000,
    dataLength: 122880,
    hex: "5249464624e0010057415645666d74201000000001000100c05d000080bb0000020010006461746100e00100"
  },
  {
    sampleRate: 44100,
    dataLength: 239904,
    hex: "5249464644a9030057415645666d7420100000000100010044ac000088580100020010006461746120a90300"
  },
  {
    sampleRate: 8000,
    dataLength: 16000,
    hex: "52494646a43e000057415645666d74201000000001000100401f0000803e00000200100064617461803e0000"
  },
  {
    sampleRate: 48000,
    dataLength: 96000,
    hex: "524946462477010057415645666d7420100000000100010080bb000000770100020010006461746100770100"
  }
]
