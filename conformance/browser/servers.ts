/** The key of the emulated account. A page sees it only to prove that it sees it nowhere else. */
export const key = "sk_of_the_emulator"
