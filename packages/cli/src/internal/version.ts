import * as Schema from "effect/Schema"
import { createRequire } from "node:module"

const require = createRequire(import.meta.url)

const decode = Schema.decodeUnknownSync(Schema.Struct({ version: Schema.String }))

/**
 * Of this command and all packages of this repository.
 *
 * @internal
 */
export const { version } = decode(require("../../package.json"))

/** @internal */
export const versionOfEffect = (): string => decode(require("effect/package.json")).version
