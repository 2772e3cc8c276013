import { fileURLToPath } from "node:url"
import { defaultClientConditions, defineConfig } from "vite"

export default defineConfig({
  root: import.meta.dirname,
  // The packages of this repository, from their sources. An application of your own needs no line of this file.
  resolve: { conditions: ["@effect-smallest/source", ...defaultClientConditions] },
  worker: { format: "es" },
  build: {
    target: "es2022",
    emptyOutDir: true,
    chunkSizeWarningLimit: 1000,
    reportCompressedSize: false,
    rollupOptions: {
      input: ["index.html", "dialogue.html"].map((page) => fileURLToPath(new URL(page, import.meta.url)))
    }
  }
})
