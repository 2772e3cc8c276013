export const sampleRate = 24_000

/** How long the fake voice speaks a text: 15 characters a second, blanks around it not counted. */
export const audioSeconds = (text: string): number => text.trim().length / 15
