/** The program of a page that speaks, whose bundle `pnpm bundle` weighs. */
import { AudioPlayer, SpeechSynthesizer } from "@effect-smallest/core"
import { BrowserSpeech } from "@effect-smallest/platform-browser"
import { SpeechStream } from "@effect-smallest/stream"
import { ManagedRuntime, Stream } from "effect"

const runtime = ManagedRuntime.make(BrowserSpeech.layerProxy({ url: "/speech" }))

const on = (id: string, run: () => void) => document.getElementById(id)?.addEventListener("click", run)

on("speak", () => runtime.runFork(AudioPlayer.play(SpeechSynthesizer.stream({ text: "Hello." }))))
on("read", () => runtime.runFork(AudioPlayer.play(SpeechStream.fromText(Stream.make("Text that ", "still grows.")))))
