/**
 * HTTP in Node: the client that the layers of {@link NodeSpeech} use, and the proxy that stands before it.
 *
 * The proxy is that of the environment, as for curl: `HTTPS_PROXY` and `HTTP_PROXY` name it, as in
 * `http://user:password@proxy.example:3128`, and `NO_PROXY` lists the hosts that are reached without it. Names in lower case come
 * first. Requests go through a tunnel (CONNECT), so the proxy sees neither key nor text.
 *
 * @since 0.2.0
 */
import * as LayerOptions from "@effect-smallest/core/LayerOptions"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Agent, type Dispatcher, EnvHttpProxyAgent } from "@effect/platform-node/Undici"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { decoded } from "./internal/decodedResponse.js"
import * as EnvironmentProxy from "./internal/environmentProxy.js"

/**
 * How a program reaches the network.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /**
   * How long a connection may take to be made. `Duration.infinity` switches the limit off.
   * In Bun the limit of the request applies instead, such as `timeouts.connect`.
   * @default "10 seconds"
   */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * Which proxy is used: that of the environment, or none whatever the environment says. Bun cannot ignore its environment, so
   * the layer dies there if `"none"` contradicts it.
   * @default "environment"
   */
  readonly proxy?: "environment" | "none" | undefined
}

/**
 * What each option must be.
 *
 * @internal
 */
export const rules: LayerOptions.Rules<Options> = {
  connectTimeout: LayerOptions.duration,
  proxy: LayerOptions.oneOf("environment", "none")
}

const check = LayerOptions.make<Options>("NodeHttp.layer", rules)

// Timers of Node hold 31 bits of milliseconds; undici takes 0 for "no limit".
const timerMillis = (duration: Duration.Duration): number => {
  const millis = Duration.toMillis(duration)
  return millis > 2 ** 31 - 1 ? 0 : Math.max(1, Math.round(millis))
}

const makeDispatcher = ({ connectTimeout = "10 seconds", proxy = "environment" }: Options): Dispatcher => {
  const limit = { connectTimeout: timerMillis(Duration.decode(connectTimeout)) }
  const { httpProxy, httpsProxy, noProxy } = EnvironmentProxy.read()
  return proxy === "none" || (httpProxy === "" && httpsProxy === "")
    ? new Agent(limit)
    : new EnvHttpProxyAgent({ ...limit, httpProxy, httpsProxy, noProxy })
}

/**
 * An HTTP client through the proxy of the environment. Answers that are compressed are decoded. Node and Deno use undici, Bun its own `fetch`.
 *
 * @example
 * ```ts
 * import { NodeHttp } from "@effect-smallest/platform-node"
 * import { HttpClient } from "@effect/platform"
 * import { Effect } from "effect"
 *
 * const status = HttpClient.get("https://api.smallest.ai").pipe(
 *   Effect.map((response) => response.status),
 *   Effect.provide(NodeHttp.layer({ proxy: "none" }))
 * )
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<HttpClient.HttpClient> =>
  isBun ? layerBun(options) : layerUndici(options)

const isBun = process.versions["bun"] !== undefined

const layerUndici = (options: Options): Layer.Layer<HttpClient.HttpClient> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, HttpClient.transformResponse(Effect.map(decoded)))
  ).pipe(
    Layer.provide(NodeHttpClient.layerUndiciWithoutDispatcher),
    Layer.provide(Layer.scoped(
      NodeHttpClient.Dispatcher,
      Effect.acquireRelease(
        Effect.sync(() => makeDispatcher(check(options))),
        (dispatcher) => Effect.promise(() => dispatcher.destroy())
      )
    ))
  )

// Bun has a stand-in for undici that makes no requests. Its own `fetch` decodes answers and uses the proxy of the environment.
const layerBun = (options: Options): Layer.Layer<HttpClient.HttpClient> =>
  Layer.unwrapEffect(Effect.sync(() => {
    const { proxy = "environment" } = check(options)
    const { httpProxy, httpsProxy } = EnvironmentProxy.read()
    if (proxy === "none" && (httpProxy !== "" || httpsProxy !== "")) {
      throw new Error(
        "NodeHttp.layer: Bun always uses the proxy of the environment, so `proxy: \"none\"` has no effect. Unset HTTP_PROXY and HTTPS_PROXY, or list the host in NO_PROXY."
      )
    }
    return FetchHttpClient.layer
  }))

/**
 * The proxy of the environment through which a URL is reached, without the credentials in it, and the variable that names it;
 * `None` if there is none or `NO_PROXY` lists the host.
 *
 * @example
 * ```ts
 * import { NodeHttp } from "@effect-smallest/platform-node"
 * import { Option } from "effect"
 *
 * Option.map(NodeHttp.proxyFor("https://api.smallest.ai"), ({ address, variable }) => `${address} (${variable})`)
 * ```
 *
 * @since 0.2.0
 * @category accessors
 */
export const proxyFor = (
  url: string
): Option.Option<{ readonly address: string; readonly variable: string }> =>
  Option.map(EnvironmentProxy.find(url), ({ url, variable }) => ({ address: `${url.protocol}//${url.host}`, variable }))
