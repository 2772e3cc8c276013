// Vitest sends errors out of the browser as JSON, which has no words for the times in Effect's spans.
// oxlint-disable-next-line no-extend-native -- JSON asks the prototype and nobody else
Object.defineProperty(BigInt.prototype, "toJSON", {
  value(this: bigint) {
    return String(this)
  }
})
