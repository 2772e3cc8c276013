declare module "webvtt-parser" {
  /** An element, or with the type `text` a text, of a cue. */
  interface Node {
    readonly type: string
    readonly name?: string
    readonly value?: string
    readonly children?: ReadonlyArray<Node>
  }
  interface Cue {
    readonly startTime: number
    readonly endTime: number
    readonly text: string
    readonly tree: { readonly children: ReadonlyArray<Node> }
  }
  class WebVTTParser {
    constructor(entities?: Readonly<Record<string, string>>)
    parse(input: string, mode: "metadata" | "chapters" | "captions"): {
      readonly cues: ReadonlyArray<Cue>
      readonly errors: ReadonlyArray<{ readonly message: string; readonly line: number; readonly col: number }>
    }
  }
  const parsers: { readonly WebVTTParser: typeof WebVTTParser }
  export default parsers
}
