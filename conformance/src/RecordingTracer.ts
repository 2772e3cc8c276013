/** A tracer and a logger that keep everything they are told. */
import { Cause, Exit, Layer, Logger, LogLevel, Option, Tracer } from "effect"
import { inspect } from "node:util"

export interface Recorded {
  readonly spans: Array<Tracer.Span>
  readonly logs: Array<string>
}

/** Everything that an object tells about itself, to people, to JSON and to debuggers. */
export const everythingAbout = (value: unknown): string =>
  [
    String(value),
    JSON.stringify(value, (_, part: unknown) => typeof part === "bigint" ? part.toString() : part),
    inspect(value, { depth: 20, showHidden: true, getters: true, maxStringLength: null, maxArrayLength: null })
  ].join("\n")

export const make = () => {
  const recorded: Recorded = { spans: [], logs: [] }
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => {
      const attributes = new Map<string, unknown>()
      const span: Tracer.Span = {
        _tag: "Span",
        spanId: recorded.spans.length.toString(16).padStart(16, "0"),
        traceId: Option.match(parent, { onNone: () => "0".repeat(31) + "1", onSome: ({ traceId }) => traceId }),
        name,
        parent,
        context,
        status: { _tag: "Started", startTime },
        attributes,
        links,
        sampled: true,
        kind,
        attribute: (key, value) => {
          attributes.set(key, value)
        },
        addLinks: () => {},
        event: (event, _time, about) => {
          attributes.set(`event ${event}`, about)
        },
        end: (endTime, exit) => {
          attributes.set("ended", endTime)
          // Tracers report how a span failed, and ignore what it succeeded with.
          if (Exit.isFailure(exit)) attributes.set("failure", Cause.prettyErrors(exit.cause))
        }
      }
      recorded.spans.push(span)
      return span
    },
    context: (run) => run()
  })
  const logger = Logger.make(({ annotations, cause, message, spans }) => {
    recorded.logs.push(everythingAbout([message, cause, [...annotations], [...spans].map(({ label }) => label)]))
  })
  const layer = Layer.mergeAll(
    Layer.setTracer(tracer),
    Logger.replace(Logger.defaultLogger, logger),
    Logger.minimumLogLevel(LogLevel.All)
  )
  return { layer, recorded }
}

/** What the spans say: names, attributes, events and how they ended. */
export const saidBySpans = ({ spans }: Recorded): string =>
  spans.map((span) => `${span.name} ${everythingAbout([...span.attributes])}`).join("\n")
