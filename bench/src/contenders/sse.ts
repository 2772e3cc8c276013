/** The vendor's event stream for the contenders that have no client of their own: a plain `fetch` and a loop. */
export class Refused extends Error {
  readonly status: number
  constructor(status: number) {
    super(`The server answered with status ${status}`)
    this.status = status
  }
}

export const speech = async function*(url: string, text: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const response = await fetch(`${url}/waves/v1/tts/live`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer sk_bench" },
    body: JSON.stringify({ text, voice_id: "meher", sample_rate: 24000 }),
    signal: signal ?? null
  })
  if (!response.ok || response.body === null) {
    await response.text()
    throw new Refused(response.status)
  }
  const decoder = new TextDecoder()
  let rest = ""
  for await (const part of response.body) {
    const events = (rest + decoder.decode(part, { stream: true })).split("\n\n")
    rest = events.pop() ?? ""
    const audio: Array<Buffer> = []
    for (const event of events) {
      const data = JSON.parse(event.slice(event.indexOf("data:") + 5))
      if (typeof data.audio === "string") audio.push(Buffer.from(data.audio, "base64"))
    }
    if (audio.length > 0) yield Buffer.concat(audio)
  }
}
