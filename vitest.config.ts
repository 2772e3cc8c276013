import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"
import projects from "./vitest.workspace.ts"

/** Where CI reads how many tests passed and failed. */
const results = ["json", { outputFile: ".cache/test-results.json" }] as const

export default defineConfig({
  test: {
    projects,
    reporters: process.env.CI ? ["default", [...results]] : ["default"],
    // Many tests wait for a player, a socket or a child process: one more than there are cores keeps those busy.
    maxWorkers: availableParallelism() + 1,
    minWorkers: 1
  }
})
