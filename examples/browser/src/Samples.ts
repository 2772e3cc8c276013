/** Texts for those who do not know what to say. */
export const samples = [
  {
    name: "A story",
    text: `The lighthouse keeper had one rule: whoever knocks, gets tea.

So when the storm itself knocked one night, he put the kettle on, set out two cups, and opened the door.`
  },
  {
    name: "A twister",
    text:
      "How much wood would a woodchuck chuck, if a woodchuck could chuck wood? He would chuck, he would, as much as " +
      "he could, and chuck as much wood as a woodchuck would, if a woodchuck could chuck wood."
  },
  {
    name: "The weather",
    text: "Good morning. It is 7 degrees in the harbour, with a light wind from the west. Expect sun by noon, and 3 " +
      "minutes of rain at about half past four, just as you leave the house."
  }
] as const
