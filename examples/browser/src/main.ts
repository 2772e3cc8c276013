import { BrowserAudioFile, BrowserAudioOutput, BrowserAudioPlayer } from "@effect-smallest/platform-browser"
import { FetchHttpClient } from "@effect/platform"
import { Effect, Layer } from "effect"
import { Engines } from "./Engines.js"
import { Narrator } from "./Narrator.js"
import * as Page from "./Page.js"
import "./styles.css"

const Sound = Layer.provideMerge(BrowserAudioPlayer.layer(), BrowserAudioOutput.layer())

const Live = Layer.provideMerge(
  Narrator.Default,
  Layer.mergeAll(Sound, BrowserAudioFile.layerDownload, Engines.Default)
)

Page.run.pipe(
  Effect.scoped,
  Effect.provide([Live, FetchHttpClient.layer]),
  Effect.runFork
)
