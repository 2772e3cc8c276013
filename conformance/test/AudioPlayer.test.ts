import { Pcm } from "@effect-smallest/core"
import { NodeAudioPlayer } from "@effect-smallest/platform-node"
import { TestAudioPlayer } from "@effect-smallest/testing"
import { AudioPlayerSuite } from "@effect-smallest/testing/suites"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"

AudioPlayerSuite.suite("TestAudioPlayer", TestAudioPlayer.layer(), {
  clock: "virtual",
  lead: "200 millis",
  overhead: 0
})

// Drivers without a sound card: SDL's dummy takes the time of real ones; its disk driver keeps what it was given, too.
const directory = mkdtempSync(join(tmpdir(), "speech-players-"))
afterAll(() => rmSync(directory, { recursive: true }))
const recorded = join(directory, "device.raw")

const players = {
  "ffplay": {
    player: {
      name: "ffplay",
      environment: { SDL_AUDIODRIVER: "disk", SDL_DISKAUDIOFILE: recorded }
    },
    options: {
      recording: Effect.sync(() => Pcm.unsafeMake(Pcm.format(24000), readFileSync(recorded)))
    }
  },
  "mpv": { player: { name: "mpv", arguments: ["--ao=null", "--ao-null-buffer=0.1"] }, options: {} },
  // ALSA's null device takes audio as fast as it comes.
  "aplay": { player: { name: "aplay", arguments: ["-D", "null"] }, options: { isTimed: false } }
} satisfies Record<
  string,
  { readonly player: NodeAudioPlayer.PlayerOptions; readonly options: AudioPlayerSuite.Options }
>

const isInstalled = (name: string): boolean => spawnSync(name, ["--version"]).error === undefined

for (const [name, { options, player }] of Object.entries(players)) {
  const skip = !isInstalled(name)
  if (skip) {
    // CI has ffplay; the others are extra.
    if (process.env.CI === "true" && name === "ffplay") throw new Error("CI needs ffplay: apt-get install ffmpeg")
    console.warn(`${name} is not installed: its tests are skipped`)
  }
  AudioPlayerSuite.suite(`NodeAudioPlayer, ${name}`, NodeAudioPlayer.layer({ player }), { ...options, skip })
}
