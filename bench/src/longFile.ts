/** Hours of speech into a file: memory must not follow the length. */
import { AudioFile } from "@effect-smallest/core"
import { ToneSpeechSynthesizer } from "@effect-smallest/emulator"
import { SpeechStream } from "@effect-smallest/stream"
import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Duration, Effect, Layer, Stream } from "effect"
import { memory } from "./memory.js"
import type { Report } from "./report.js"
import { sampleRate } from "./speechRate.js"
import * as Text from "./text.js"

export interface Options {
  readonly hours: number
}

const endless = Stream.repeatValue(`${Text.sentences.join(" ")} `)

export const longFile = ({ hours }: Options) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = yield* fs.makeTempDirectoryScoped({ prefix: "bench-" })
    const file = path.join(directory, "long.wav")
    const wanted = hours * 3600 * sampleRate

    const before = memory()
    let most = before
    let samples = 0
    let nextLook = 0
    const audio = SpeechStream.fromText(endless, { sampleRate }).pipe(
      Stream.takeUntil((chunk) => {
        samples += chunk.bytes.length / 2
        if (samples >= nextLook) {
          nextLook += wanted / 40
          const now = memory()
          most = {
            heap: Math.max(most.heap, now.heap),
            buffers: Math.max(most.buffers, now.buffers),
            resident: Math.max(most.resident, now.resident)
          }
        }
        return samples >= wanted
      })
    )
    const cpu = process.cpuUsage()
    const [took] = yield* Effect.timed(AudioFile.save(file, audio))
    const { system, user } = process.cpuUsage(cpu)
    const size = Number((yield* fs.stat(file)).size)
    return {
      name: `${hours} hours of audio into a WAV file`,
      rows: [
        { figure: "hours in the file", value: (size - 44) / 2 / sampleRate / 3600 },
        { figure: "GB", value: size / 1e9 },
        { figure: "seconds", value: Duration.toSeconds(took) },
        { figure: "times real time", value: hours * 3600 / Duration.toSeconds(took) },
        { figure: "processor seconds", value: (user + system) / 1e6 },
        { figure: "growth of heap, MB", value: most.heap - before.heap },
        { figure: "growth of buffers, MB", value: most.buffers - before.buffers },
        { figure: "growth of the process, MB", value: most.resident - before.resident }
      ],
      targets: [
        {
          name: "growth of heap and buffers",
          measured: most.heap - before.heap + most.buffers - before.buffers,
          unit: "MB",
          limit: 30
        },
        {
          name: "hours in the file",
          measured: (size - 44) / 2 / sampleRate / 3600,
          unit: "",
          limit: hours,
          isMinimum: true
        }
      ]
    } satisfies Report
  }).pipe(
    Effect.scoped,
    Effect.provide(
      SpeechStream.layerSegmented().pipe(
        Layer.provide(ToneSpeechSynthesizer.layer()),
        Layer.merge(AudioFile.layerFileSystem),
        Layer.provideMerge(NodeContext.layer)
      )
    )
  )
