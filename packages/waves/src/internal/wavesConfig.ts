import * as Url from "@effect/platform/Url"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/**
 * The base URL in what people copy: the URL of a route, or one that ends like a folder.
 *
 * @internal
 */
export const toBaseUrl = (url: string): string =>
  url.trim().replace(/\/+$/, "").replace(/\/(waves|api)\/v1(\/tts(\/live)?)?$/, "")

const missingKey = ConfigError.MissingData(
  ["SMALLEST_API_KEY"],
  "No API key: set SMALLEST_API_KEY to a key of your account (they start with sk_), or use the embedded voice of " +
    "@effect-smallest/local, which needs none"
)

const garbledKey = ConfigError.InvalidData(
  ["SMALLEST_API_KEY"],
  "SMALLEST_API_KEY has a space, a line break or a character in it that no key has: copy the key again, in one piece"
)

const isHeaderValue = (key: string): boolean => /^[\x21-\x7e]+$/.test(key)

/**
 * The key from `SMALLEST_API_KEY`; a missing, empty or garbled one fails with a `ConfigError` that says what to do.
 *
 * @internal
 */
export const apiKey: Config.Config<Redacted.Redacted> = Config.string("SMALLEST_API_KEY").pipe(
  Config.option,
  Config.mapOrFail((key) =>
    Option.isNone(key) || key.value.trim() === ""
      ? Either.left(missingKey)
      : isHeaderValue(key.value.trim())
      ? Either.right(Redacted.make(key.value.trim()))
      : Either.left(garbledKey)
  )
)

const readBaseUrl = (url: string): Either.Either<string, ConfigError.ConfigError> =>
  Either.mapLeft(
    Either.filterOrLeft(
      Url.fromString(url.trim()),
      ({ hash, hostname, protocol, search }) =>
        /^https?:$/.test(protocol) && hostname !== "" && search === "" && hash === "",
      () => undefined
    ),
    () =>
      ConfigError.InvalidData(
        ["SMALLEST_BASE_URL"],
        `SMALLEST_BASE_URL begins with http:// or https:// and continues with a host, as in https://api.smallest.ai, and ` +
          `has no ? or # in it; it is "${url.trim()}"`
      )
  ).pipe(Either.map(() => toBaseUrl(url)))

/**
 * The base URL from `SMALLEST_BASE_URL`, if it is set; one that is not the URL of a server fails with a `ConfigError`.
 *
 * @internal
 */
export const baseUrl: Config.Config<string | undefined> = Config.string("SMALLEST_BASE_URL").pipe(
  Config.option,
  Config.mapOrFail((url) =>
    Option.isNone(url) || url.value.trim() === "" ? Either.right(undefined) : readBaseUrl(url.value)
  )
)
