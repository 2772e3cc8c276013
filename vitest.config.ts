import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"
import projects from "./vitest.workspace.ts"

/** Where CI reads how many tests passed and failed. */
const results = ["json", { outputFile: ".cache/test-results.json" }] as const

/** Many tests wait for a player, a socket or a child process: more than there are cores keeps those busy. */
const workers = availableParallelism() + 2

/** Files that listen in real time. They go first: at the end, all would wait for them. */
const patient = ["AudioPlayer", "SpeechStream", "Live", "SpeechProxy"].map((name) =>
  `/conformance/test/${name}.test.ts`
)

class PatientFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>) {
    const sorted = await super.sort(files)
    const isPatient = ({ moduleId }: TestSpecification) => patient.some((path) => moduleId.endsWith(path))
    return [...sorted.filter(isPatient), ...sorted.filter((file) => !isPatient(file))]
  }
}

export default defineConfig({
  test: {
    projects,
    reporters: process.env.CI ? ["default", [...results]] : ["default"],
    sequence: { sequencer: PatientFirst },
    // Files share processes, which load Effect once. There are as many from the beginning to the end: the pool ends a worker
    // above the minimum as soon as it idles, and loses the run when it does so twice.
    poolOptions: { forks: { isolate: false } },
    maxWorkers: workers,
    minWorkers: workers
  }
})
