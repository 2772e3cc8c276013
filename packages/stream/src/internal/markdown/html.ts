const tagNames = new Set(
  ("a abbr address article aside b base basefont bdi bdo big blockquote body br button caption center cite code col colgroup dd del details dfn " +
    "dialog dir div dl dt em fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html i iframe img input " +
    "ins kbd label legend li link main mark menu menuitem meta nav noframes noscript object ol optgroup option p param picture pre q s samp script " +
    "search section select small source span strike strong style sub summary sup svg path table tbody td template textarea tfoot th thead time title " +
    "tr track tt u ul var video wbr")
    .split(" ")
)

const breaking = new Set(
  ("address article aside blockquote br center dd details dialog dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li " +
    "main menu nav ol p pre section summary table td th tr ul").split(" ")
)

/** What a tag shows. */
const nameOf = (tag: string): string => /^<\/?([a-zA-Z][\w-]*)/.exec(tag)?.[1]?.toLowerCase() ?? ""

/**
 * What is said of a tag, a comment or a declaration: a line break or nothing. `undefined` if it only looks like a tag, as in
 * "x<y and y>z".
 *
 * @internal
 */
export const ofTag = (tag: string): string | undefined => {
  if (/^<[!?]/.test(tag)) return ""
  const name = nameOf(tag)
  if (breaking.has(name)) return "\n"
  if (tagNames.has(name) || /^<\/|\/>$|=|^<[\w-]+\s*>$/.test(tag)) return ""
  return undefined
}

const hidden = new Set(["script", "style", "template", "title", "textarea"])

/**
 * Takes HTML that came in lines apart: what it shows, as it comes.
 *
 * @internal
 */
export class Scanner {
  private held = ""
  private hiddenIn: string | undefined
  private readonly decode: (text: string) => string

  constructor(decode: (text: string) => string) {
    this.decode = decode
  }

  push(line: string): string {
    this.held += line
    return this.read(false)
  }

  end(): string {
    return this.read(true)
  }

  private read(isEnd: boolean): string {
    let shown = ""
    for (;;) {
      if (this.hiddenIn !== undefined) {
        const close = this.held.toLowerCase().indexOf(`</${this.hiddenIn}`)
        if (close < 0) {
          this.held = isEnd ? "" : this.held.slice(-16)
          return shown
        }
        this.held = this.held.slice(close)
        this.hiddenIn = undefined
      }
      const open = this.held.search(/<[a-zA-Z/!?]/)
      if (open < 0) {
        shown += this.decode(this.held)
        this.held = ""
        return shown
      }
      shown += this.decode(this.held.slice(0, open))
      this.held = this.held.slice(open)
      const tag =
        /^(?:<!--[^]*?-->|<\?[^]*?\?>|<!\[CDATA\[[^]*?\]\]>|<![a-zA-Z][^>]*>|<\/?[a-zA-Z](?:[^"'>]|"[^"]*"|'[^']*')*>)/
          .exec(this.held)?.[0]
      if (tag === undefined) {
        // The rest of the document may be in it; a page shows nothing of a tag without an end.
        if (isEnd || this.held.length > 10_000) {
          this.held = ""
        }
        return shown
      }
      this.held = this.held.slice(tag.length)
      shown += ofTag(tag) ?? ""
      const name = nameOf(tag)
      if (hidden.has(name) && !tag.startsWith("</") && !tag.endsWith("/>")) this.hiddenIn = name
    }
  }
}
