import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/**
 * Runs a program to its exit code. A signal interrupts it and gives the code that shells expect, 128 and the signal's
 * number; a second one ends it at once.
 *
 * @internal
 */
export const runMain = (program: Effect.Effect<number>): void => {
  let interrupted: number | undefined
  for (const name of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
    process.once(name, () => {
      interrupted ??= 128 + signals[name]
      // The runtime listens to the other two only.
      if (name === "SIGHUP") process.emit("SIGTERM")
    })
  }
  NodeRuntime.runMain(program, {
    disableErrorReporting: true,
    disablePrettyLogger: true,
    teardown: (exit, onExit) =>
      onExit(interrupted ?? (Exit.isSuccess(exit) && typeof exit.value === "number" ? exit.value : 1))
  })
}
