/**
 * What the browser says for itself.
 *
 * @internal
 */
export const reason = (error: unknown): string => error instanceof Error ? error.message : String(error)
