/** Finds the Chromium that browser tests run in, and installs Debian's where this script may. */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"]

const places = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe"
]

/** Where a browser of Chromium's family is: what `CHROMIUM_PATH` says, else the first that is installed. */
export const findChromium = (env: NodeJS.ProcessEnv = process.env): string | undefined => {
  const chosen = env.CHROMIUM_PATH
  if (chosen !== undefined && chosen !== "") {
    if (!existsSync(chosen)) throw new Error(`CHROMIUM_PATH says ${chosen}, where nothing is`)
    return chosen
  }
  const onPath = (env.PATH ?? "").split(delimiter).flatMap((directory) => names.map((name) => join(directory, name)))
  return [...onPath, ...places].find((file) => existsSync(file))
}

/** What to do on a machine without a browser. */
export const advice = "Install Chrome or Chromium (Debian: apt-get install chromium), or set CHROMIUM_PATH."

/** How Chromium has to be started in a container, and as root. */
export const launchArguments: ReadonlyArray<string> = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage"
]

/** Installs Debian's Chromium where this process may, which is as root. Says whether it tried. */
export const installChromium = (): boolean => {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return false
  console.log("Installing chromium for the browser tests")
  const apt = (...args: ReadonlyArray<string>) =>
    spawnSync("apt-get", [...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "ignore", "inherit"]
    })
  apt("update", "-qq")
  apt("install", "-y", "-qq", "--no-install-recommends", "chromium")
  return true
}
