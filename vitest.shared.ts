import { defaultClientConditions, defaultServerConditions } from "vite"

/** Workspace packages resolve to their sources: tests never need a build. */
const source = "@effect-smallest/source"

export const conditions = {
  resolve: { conditions: [source, ...defaultClientConditions] },
  ssr: { resolve: { conditions: [source, ...defaultServerConditions] } }
}

/** So long that only what hangs meets them, on a busy machine, too. */
export const timeouts = { testTimeout: 60_000, hookTimeout: 60_000 }
