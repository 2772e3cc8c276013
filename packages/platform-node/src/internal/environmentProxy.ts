import * as Option from "effect/Option"

// What a program inherits, whatever the application's ConfigProvider is.
const environment = (): Record<string, string | undefined> => process.env

interface Variable {
  readonly variable: string
  readonly value: string
}

// In lower case first, as curl and undici read them. An empty one switches the other off.
const variable = (name: string): Variable => {
  const lower = environment()[name.toLowerCase()]
  return lower === undefined
    ? { variable: name, value: environment()[name]?.trim() ?? "" }
    : { variable: name.toLowerCase(), value: lower.trim() }
}

// People omit the scheme, and curl allows it.
const withScheme = ({ value, variable }: Variable): Variable => ({
  variable,
  value: value === "" || value.includes("://") ? value : `http://${value}`
})

const parse = ({ value, variable }: Variable): URL => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    // The value may hold a password.
    throw new TypeError(`${variable} is not the address of an HTTP proxy: write it as http://user:password@host:port`)
  }
  return url
}

const names = { http: "HTTP_PROXY", https: "HTTPS_PROXY" }

/**
 * What undici's `EnvHttpProxyAgent` takes; empty if there is none.
 *
 * @internal
 */
export const read = (): { readonly httpProxy: string; readonly httpsProxy: string; readonly noProxy: string } => {
  const address = (name: string) => {
    const found = withScheme(variable(name))
    return found.value === "" ? "" : parse(found).href
  }
  return { httpProxy: address(names.http), httpsProxy: address(names.https), noProxy: variable("NO_PROXY").value }
}

const isExcepted = (target: URL, port: number): boolean => {
  const host = target.hostname.toLowerCase()
  return variable("NO_PROXY").value.toLowerCase().split(/[,\s]+/).some((entry) => {
    const [, name = "", of] = /^(.+?)(?::(\d+))?$/.exec(entry) ?? []
    const suffix = name.replace(/^\*?\./, "")
    return entry === "*" ||
      (suffix !== "" && (of === undefined || Number(of) === port) && (host === suffix || host.endsWith(`.${suffix}`)))
  })
}

/**
 * The proxy for a URL of HTTP or of a WebSocket, by the rules of undici's `EnvHttpProxyAgent`: without a proxy for HTTPS that for
 * HTTP is used.
 *
 * @internal
 */
export const find = (target: string): Option.Option<{ readonly url: URL; readonly variable: string }> => {
  const url = new URL(target)
  const isSecure = url.protocol === "https:" || url.protocol === "wss:"
  const found = [...(isSecure ? [names.https] : []), names.http].map((name) => withScheme(variable(name))).find(
    ({ value }) => value !== ""
  )
  return found === undefined || isExcepted(url, Number(url.port) || (isSecure ? 443 : 80))
    ? Option.none()
    : Option.some({ url: parse(found), variable: found.variable })
}
