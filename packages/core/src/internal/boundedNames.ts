/**
 * Lets the first names that it hears pass and calls all others `_OTHER`, so that labels made of them are few.
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
