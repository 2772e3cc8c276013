import * as NodeStream from "@effect/platform-node/NodeStream"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Stream from "effect/Stream"
import type { Duplex } from "node:stream"
import { createBrotliDecompress, createUnzip } from "node:zlib"

const decoders: Readonly<Record<string, () => Duplex>> = {
  gzip: createUnzip,
  "x-gzip": createUnzip,
  deflate: createUnzip,
  br: createBrotliDecompress
}

/**
 * An answer whose body is decoded, if a server or a proxy compressed it: undici leaves that to its callers.
 *
 * @internal
 */
export const decoded = (response: HttpClientResponse.HttpClientResponse): HttpClientResponse.HttpClientResponse => {
  const { "content-encoding": encoding, "content-length": _, ...headers } = response.headers
  const decoder = decoders[encoding?.trim().toLowerCase() ?? ""]
  if (decoder === undefined || [204, 205, 304].includes(response.status)) return response
  const body = NodeStream.pipeThroughDuplex(
    response.stream,
    decoder,
    (cause) => new HttpClientError.ResponseError({ request: response.request, response, reason: "Decode", cause })
  )
  return HttpClientResponse.fromWeb(
    response.request,
    new Response(Stream.toReadableStream(body), { status: response.status, headers })
  )
}
