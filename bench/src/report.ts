/** A figure that a run is held to. */
export interface Target {
  readonly name: string
  readonly measured: number
  readonly unit: string
  /** The most, or with `isMinimum` the least, that is good enough. */
  readonly limit: number
  readonly isMinimum?: boolean
}

export interface Report {
  readonly name: string
  readonly rows: ReadonlyArray<Readonly<Record<string, string | number>>>
  readonly targets: ReadonlyArray<Target>
  readonly notes?: ReadonlyArray<string>
}

export const isMet = ({ isMinimum = false, limit, measured }: Target): boolean =>
  isMinimum ? measured >= limit : measured <= limit

const cell = (value: string | number | undefined): string =>
  typeof value === "number"
    ? value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0 })
    : value ?? ""

export const table = (rows: Report["rows"]): string => {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = [columns, ...rows.map((row) => columns.map((column) => cell(row[column])))]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)))
  const isNumber = columns.map((column) => rows.some((row) => typeof row[column] === "number"))
  const line = (values: ReadonlyArray<string>) =>
    `| ${
      values.map((value, i) => isNumber[i] === true ? value.padStart(widths[i] ?? 0) : value.padEnd(widths[i] ?? 0))
        .join(" | ")
    } |`
  const [head = [], ...body] = cells
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...body.map(line)].join("\n")
}

export const print = ({ name, notes = [], rows, targets }: Report): string =>
  [
    `\n## ${name}\n`,
    ...(rows.length === 0 ? [] : [table(rows), ""]),
    ...targets.map((target) =>
      `${isMet(target) ? "met   " : "MISSED"} ${target.name}: ${cell(target.measured)} ${target.unit}, ${
        target.isMinimum === true ? "at least" : "at most"
      } ${cell(target.limit)}`
    ),
    ...notes.map((note) => `note   ${note}`)
  ].join("\n")
