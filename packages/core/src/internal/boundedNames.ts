/**
 * Keeps the first names that it sees and calls all others `_OTHER`, so that few labels arise from them.
 *
 * @internal
 */
export const make = (limit: number): (name: string) => string => {
  const names = new Set<string>()
  return (name) => {
    if (names.size < limit) names.add(name)
    return names.has(name) ? name : "_OTHER"
  }
}
