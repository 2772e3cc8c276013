import { fromMarkdown } from "mdast-util-from-markdown"
import { frontmatterFromMarkdown } from "mdast-util-frontmatter"
import { gfmFootnoteFromMarkdown } from "mdast-util-gfm-footnote"
import { frontmatter } from "micromark-extension-frontmatter"
import { gfmFootnote } from "micromark-extension-gfm-footnote"
import type { Book, Extra } from "../Book.js"
import * as Prose from "./prose.js"

type Root = ReturnType<typeof fromMarkdown>
type Nodes = Root | Root["children"][number]

const parse = (text: string): Root =>
  fromMarkdown(text, {
    extensions: [frontmatter(["yaml"]), gfmFootnote()],
    mdastExtensions: [frontmatterFromMarkdown(["yaml"]), gfmFootnoteFromMarkdown()]
  })

const field = (yaml: string, name: string): string | undefined =>
  new RegExp(`^${name}:[ \\t]*(.+)$`, "m").exec(yaml)?.[1]?.trim().replace(/^(["'])(.*)\1$/, "$2") || undefined

/** What is said of a node and all that is in it. */
const said = (node: Nodes, notes: boolean): string => {
  switch (node.type) {
    case "text":
    case "inlineCode":
    case "code":
      return node.value
    case "break":
      return " "
    case "image":
    case "imageReference":
    case "html":
    case "yaml":
      return ""
    case "footnoteReference":
      return notes ? ` (note ${node.label ?? node.identifier})` : ""
    case "footnoteDefinition":
      return notes ? `Note ${node.label ?? node.identifier}. ${children(node.children, notes, " ")}` : ""
    case "tableRow":
      return children(node.children, notes, ", ")
    default:
      return "children" in node ? children(node.children, notes, "") : ""
  }
}

const children = (nodes: ReadonlyArray<Nodes>, notes: boolean, between: string): string =>
  nodes.map((node) => said(node, notes)).join(between)

/** @internal */
export const readMarkdown = (text: string, include: ReadonlySet<Extra>, name: string): Book => {
  const notes = include.has("notes")
  const root = parse(text)
  const yaml = root.children.find((node) => node.type === "yaml")?.value ?? ""
  const headings = root.children.filter((node) => node.type === "heading")
  const firstLevel = headings.filter(({ depth }) => depth === 1)
  // A single heading of the first level is the title of the whole.
  const level = firstLevel.length === 1 && headings.some(({ depth }) => depth === 2) ? 2 : 1
  const only = level === 2 ? firstLevel[0] : undefined
  const title = field(yaml, "title") ?? (only === undefined ? name : Prose.squeeze(said(only, false))) ?? name
  const chapters = Prose.chapters(title || name)

  const add = (node: Nodes): void => {
    switch (node.type) {
      case "heading": {
        const line = Prose.squeeze(said(node, false))
        if (node.depth <= level) chapters.begin(line)
        chapters.add({ kind: "heading", text: Prose.heading(line) })
        return
      }
      case "thematicBreak":
        return chapters.add({ kind: "break", text: "" })
      case "blockquote":
      case "list":
      case "listItem":
        return node.children.forEach(add)
      default:
        return chapters.add({ kind: "paragraph", text: Prose.prose(said(node, notes)) })
    }
  }
  root.children.forEach(add)
  return {
    title: title || name,
    author: field(yaml, "author"),
    language: field(yaml, "lang") ?? field(yaml, "language"),
    chapters: chapters.finish()
  }
}
