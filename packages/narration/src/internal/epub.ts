import * as Data from "effect/Data"
import * as Either from "effect/Either"
import { strFromU8, unzipSync } from "fflate"
import { ElementType, parseDocument } from "htmlparser2"
import type { Book, BookError, Extra } from "../Book.js"
import * as Prose from "./prose.js"

type Document = ReturnType<typeof parseDocument>
type Node = Document["children"][number]
type Element = Extract<Node, { readonly attribs: object }>

interface Problem {
  readonly reason: BookError["reason"]
  readonly description: string
}

/** Thrown inside of this module, and caught at its edge. */
class Unreadable extends Data.TaggedError("Unreadable")<{ readonly problem: Problem }> {}

const refuse = (reason: Problem["reason"], description: string): never => {
  throw new Unreadable({ problem: { reason, description } })
}

const unpackedLimit = 200 * 1024 * 1024

// ----------------------------------------------------------------------------------------------------------------
// XML
// ----------------------------------------------------------------------------------------------------------------

const isElement = (node: Node): node is Element => "attribs" in node

const localName = (name: string): string => name.slice(name.indexOf(":") + 1).toLowerCase()

const attribute = (element: Element, name: string): string | undefined =>
  Object.entries(element.attribs).find(([key]) => localName(key) === name)?.[1]

const elements = (node: { readonly children: ReadonlyArray<Node> }): ReadonlyArray<Element> =>
  node.children.filter(isElement)

/** All elements below one, in the order of the document. Without recursion: documents may be deep. */
function* descendants(node: { readonly children: ReadonlyArray<Node> }): Generator<Element> {
  const waiting: Array<Node> = [...node.children].reverse()
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (!isElement(next)) continue
    yield next
    for (let i = next.children.length - 1; i >= 0; i--) {
      const child = next.children[i]
      if (child !== undefined) waiting.push(child)
    }
  }
}

const all = (node: { readonly children: ReadonlyArray<Node> }, name: string): Array<Element> =>
  Array.from(descendants(node)).filter((element) => localName(element.name) === name)

const first = (node: { readonly children: ReadonlyArray<Node> }, name: string): Element | undefined => {
  for (const element of descendants(node)) if (localName(element.name) === name) return element
  return undefined
}

const textOf = (node: Node): string => {
  let text = ""
  const waiting: Array<Node> = [node]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if ("data" in next && next.type === ElementType.Text) text += next.data
    if ("children" in next) waiting.push(...[...next.children].reverse())
  }
  return Prose.squeeze(text)
}

const parse = (text: string): Document => parseDocument(text, { xmlMode: true, decodeEntities: true })

// ----------------------------------------------------------------------------------------------------------------
// the package
// ----------------------------------------------------------------------------------------------------------------

/** A path inside the archive, from a reference in a file of it. */
const resolve = (from: string, reference: string): { readonly path: string; readonly fragment: string } => {
  const [path = "", fragment = ""] = reference.split("#", 2)
  const decoded = (part: string) => {
    try {
      return decodeURIComponent(part)
    } catch {
      return part
    }
  }
  const parts = path === "" ? from.split("/") : [...from.split("/").slice(0, -1), ...decoded(path).split("/")]
  const resolved: Array<string> = []
  for (const part of parts) {
    if (part === "..") resolved.pop()
    else if (part !== "." && part !== "") resolved.push(part)
  }
  return { path: resolved.join("/"), fragment: decoded(fragment) }
}

const fontMangling = ["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"]

interface Entry {
  readonly title: string
  readonly path: string
  readonly fragment: string
  readonly parent: Entry | undefined
}

const types = (element: Element): ReadonlyArray<string> =>
  `${element.attribs["epub:type"] ?? ""} ${(element.attribs["role"] ?? "").replace(/\bdoc-/g, "")}`
    .toLowerCase().split(/\s+/).filter((type) => type !== "").map((type) => type.slice(type.indexOf(":") + 1))

const navEntries = (path: string, document: Document): Array<Entry> => {
  const navs = all(document, "nav")
  const nav = navs.find((element) => types(element).includes("toc")) ?? navs[0]
  const found: Array<Entry> = []
  const walk = (list: Element, parent: Entry | undefined, depth: number): void => {
    if (depth > 50) return
    for (const item of elements(list).filter(({ name }) => localName(name) === "li")) {
      const link = elements(item).find(({ name }) => localName(name) === "a")
      const href = link === undefined ? undefined : attribute(link, "href")
      const entry = link === undefined || href === undefined
        ? undefined
        : { title: textOf(link), ...resolve(path, href), parent }
      if (entry !== undefined) found.push(entry)
      for (const inner of elements(item).filter(({ name }) => localName(name) === "ol")) {
        walk(inner, entry ?? parent, depth + 1)
      }
    }
  }
  const list = nav === undefined ? undefined : first(nav, "ol")
  if (list !== undefined) walk(list, undefined, 0)
  return found
}

const ncxEntries = (path: string, document: Document): Array<Entry> => {
  const found: Array<Entry> = []
  const walk = (point: Element, parent: Entry | undefined, depth: number): void => {
    if (depth > 50) return
    const label = elements(point).find(({ name }) => localName(name) === "navlabel")
    const content = elements(point).find(({ name }) => localName(name) === "content")
    const src = content === undefined ? undefined : attribute(content, "src")
    const entry = src === undefined
      ? undefined
      : { title: label === undefined ? "" : textOf(label), ...resolve(path, src), parent }
    if (entry !== undefined) found.push(entry)
    for (const inner of elements(point).filter(({ name }) => localName(name) === "navpoint")) {
      walk(inner, entry ?? parent, depth + 1)
    }
  }
  const map = first(document, "navmap")
  if (map !== undefined) {
    for (const point of elements(map).filter(({ name }) => localName(name) === "navpoint")) walk(point, undefined, 0)
  }
  return found
}

// ----------------------------------------------------------------------------------------------------------------
// a document
// ----------------------------------------------------------------------------------------------------------------

const skippedTypes: Record<Extra, ReadonlySet<string>> = {
  notes: new Set([
    "noteref",
    "footnote",
    "footnotes",
    "endnote",
    "endnotes",
    "rearnote",
    "rearnotes",
    "note",
    "annotation"
  ]),
  pageNumbers: new Set(["pagebreak", "page-list", "pagelist"]),
  contents: new Set(["toc", "landmarks", "loa", "loi", "lot", "lov", "bibliography", "index", "toc-brief"]),
  matter: new Set(["titlepage", "halftitlepage", "halftitle", "imprint", "copyright-page", "colophon", "cover"])
}

const unheard = new Set([
  "head",
  "script",
  "style",
  "img",
  "svg",
  "math",
  "audio",
  "video",
  "object",
  "rt",
  "rp",
  "nav"
])

const blocks = new Set([
  "p",
  "div",
  "section",
  "article",
  "aside",
  "blockquote",
  "li",
  "dd",
  "dt",
  "td",
  "th",
  "tr",
  "figcaption",
  "caption",
  "pre",
  "header",
  "footer",
  "body",
  "main",
  "ul",
  "ol",
  "dl",
  "table",
  "tbody",
  "thead",
  "figure",
  "hgroup",
  "address"
])

const headings = /^h[1-6]$/

const isNoteMark = (element: Element): boolean =>
  localName(element.name) === "sup" && /^\[?(\d{1,4}|[*†‡§a-z])\]?$/i.test(textOf(element)) &&
  first(element, "a") !== undefined

const isSkipped = (element: Element, include: ReadonlySet<Extra>): boolean => {
  const own = types(element)
  for (const [extra, names] of Object.entries(skippedTypes)) {
    if (own.some((type) => names.has(type)) && !Array.from<string>(include).includes(extra)) return true
  }
  const name = localName(element.name)
  if (name === "nav") return !include.has("contents")
  return unheard.has(name) || "hidden" in element.attribs || attribute(element, "aria-hidden") === "true" ||
    !include.has("notes") && isNoteMark(element)
}

const read = (
  document: Document,
  include: ReadonlySet<Extra>,
  on: {
    readonly id: (id: string) => void
    readonly block: (kind: "heading" | "paragraph" | "break", text: string) => void
  }
): void => {
  let text = ""
  let isHeading = false
  const flush = () => {
    if (Prose.squeeze(text) !== "") {
      on.block(
        isHeading ? "heading" : "paragraph",
        isHeading ? Prose.heading(Prose.squeeze(text)) : Prose.prose(text)
      )
    }
    text = ""
  }
  // By hand, because documents may be deeper than the stack.
  type Step = { readonly node: Node } | { readonly leave: () => void }
  const waiting: Array<Step> = [...document.children].reverse().map((node) => ({ node }))
  for (let step = waiting.pop(); step !== undefined; step = waiting.pop()) {
    if ("leave" in step) {
      step.leave()
      continue
    }
    const { node } = step
    if ("data" in node && node.type === ElementType.Text) text += node.data
    if (!isElement(node)) {
      if ("children" in node) waiting.push(...[...node.children].reverse().map((node) => ({ node })))
      continue
    }
    if (isSkipped(node, include)) continue
    const name = localName(node.name)
    const id = attribute(node, "id")
    const isHeader = headings.test(name)
    const isBlock = isHeader || blocks.has(name)
    if (isBlock) flush()
    if (id !== undefined) {
      // A chapter may begin in the middle of a paragraph, at a mere anchor.
      on.id(id)
    }
    if (name === "br") text += " "
    if (name === "hr") {
      flush()
      on.block("break", "")
    }
    if (isHeader) isHeading = true
    waiting.push({
      leave: () => {
        if (isBlock) flush()
        if (isHeader) isHeading = false
      }
    })
    for (let i = node.children.length - 1; i >= 0; i--) {
      const child = node.children[i]
      if (child !== undefined) waiting.push({ node: child })
    }
  }
  flush()
}

// ----------------------------------------------------------------------------------------------------------------
// the book
// ----------------------------------------------------------------------------------------------------------------

const unpack = (bytes: Uint8Array): Map<string, Uint8Array> => {
  let total = 0
  const files = unzipSync(bytes, {
    filter: ({ name, originalSize }) => {
      if (!/\.(x?html?|xml|opf|ncx)$/i.test(name)) return false
      total += originalSize
      if (total > unpackedLimit) refuse("TooLarge", "its text is larger than 200 MB unpacked, which no book is")
      return true
    }
  })
  return new Map(Object.entries(files))
}

const readPackage = (bytes: Uint8Array, include: ReadonlySet<Extra>, name: string): Book => {
  const files = unpack(bytes)
  const open = (path: string): Document | undefined => {
    const found = files.get(path)
    return found === undefined ? undefined : parse(strFromU8(found).replace(/^\ufeff/, ""))
  }
  const encryption = open("META-INF/encryption.xml")
  if (encryption !== undefined) {
    const methods = all(encryption, "encryptionmethod").map((element) => attribute(element, "algorithm") ?? "")
    if (methods.some((method) => !fontMangling.includes(method))) {
      refuse("Protected", "it is protected against copying; use a copy without protection")
    }
  }
  const container = open("META-INF/container.xml") ??
    refuse("Unreadable", "it is not an EPUB: META-INF/container.xml is missing")
  const rootfile = all(container, "rootfile").map((element) => attribute(element, "full-path")).find((path) =>
    path !== undefined
  )
  const opfPath = rootfile ?? refuse("Unreadable", "its container.xml names no package")
  const opf = open(opfPath) ?? refuse("Unreadable", `it lacks ${opfPath}, which its container.xml names`)
  const manifest = first(opf, "manifest")
  const spine = first(opf, "spine")
  const metadata = first(opf, "metadata")
  if (manifest === undefined || spine === undefined) return refuse("Unreadable", `${opfPath} has no manifest or spine`)

  const items = new Map(elements(manifest).map((item) => [attribute(item, "id") ?? "", item]))
  const pathOf = (item: Element) => resolve(opfPath, attribute(item, "href") ?? "").path
  const nav = Array.from(items.values()).find((item) =>
    (attribute(item, "properties") ?? "").split(/\s+/).includes("nav")
  )
  const ncx = items.get(attribute(spine, "toc") ?? "") ??
    Array.from(items.values()).find((item) => attribute(item, "media-type") === "application/x-dtbncx+xml")
  const entriesOf = (item: Element | undefined, entries: typeof navEntries): Array<Entry> => {
    const document = item === undefined ? undefined : open(pathOf(item))
    return item === undefined || document === undefined ? [] : entries(pathOf(item), document)
  }
  const fromNav = entriesOf(nav, navEntries)
  const contents = fromNav.length > 0 ? fromNav : entriesOf(ncx, ncxEntries)
  // Parts of a chapter in its own file are not chapters.
  const starts = contents.filter((entry) => entry.parent === undefined || entry.parent.path !== entry.path)

  const paths: Array<string> = []
  for (const reference of elements(spine)) {
    const item = items.get(attribute(reference, "idref") ?? "")
    if (item === undefined || item === nav && !include.has("contents")) continue
    if (attribute(reference, "linear") === "no" && !include.has("notes")) continue
    const path = pathOf(item)
    if (!paths.includes(path)) paths.push(path)
  }

  const field = (name: string) => {
    const element = metadata === undefined ? undefined : first(metadata, name)
    return element === undefined ? undefined : textOf(element) || undefined
  }
  const title = field("title") ?? name
  const chapters = Prose.chapters(title)
  let missing = 0
  for (const path of paths) {
    const document = open(path)
    if (document === undefined) {
      missing += 1
      continue
    }
    const here = starts.filter((start) => start.path === path)
    const whole = here.find(({ fragment }) => fragment === "")
    if (whole !== undefined) chapters.begin(whole.title)
    const begun = new Set<string>()
    read(document, include, {
      id: (id) => {
        const start = here.find(({ fragment }) => fragment === id)
        if (start === undefined || begun.has(id)) return
        begun.add(id)
        chapters.begin(start.title)
      },
      block: (kind, text) => chapters.add({ kind, text })
    })
  }
  if (missing > 0 && missing === paths.length) refuse("Unreadable", "none of the files in its reading order is there")
  return {
    title,
    author: field("creator"),
    language: field("language"),
    chapters: chapters.finish()
  }
}

/** @internal */
export const readEpub = (
  bytes: Uint8Array,
  include: ReadonlySet<Extra>,
  name: string
): Either.Either<Book, Problem> =>
  Either.try({
    try: () => readPackage(bytes, include, name),
    catch: (error): Problem =>
      error instanceof Unreadable
        ? error.problem
        : { reason: "Unreadable", description: `it is not an EPUB, or it is damaged (${String(error)})` }
  })
