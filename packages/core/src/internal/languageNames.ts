/**
 * English names of the language codes.
 *
 * @internal
 */
export const languageNames = {
  en: "English",
  hi: "Hindi",
  mr: "Marathi",
  kn: "Kannada",
  ta: "Tamil",
  bn: "Bengali",
  gu: "Gujarati",
  te: "Telugu",
  ml: "Malayalam",
  pa: "Punjabi",
  or: "Odia",
  es: "Spanish",
  de: "German",
  fr: "French",
  it: "Italian",
  nl: "Dutch",
  sv: "Swedish",
  pt: "Portuguese",
  pl: "Polish",
  ru: "Russian",
  el: "Greek",
  fi: "Finnish",
  no: "Norwegian",
  ar: "Arabic",
  he: "Hebrew",
  zh: "Chinese (Mandarin)",
  id: "Indonesian",
  ja: "Japanese",
  ko: "Korean",
  ms: "Malay",
  tr: "Turkish",
  vi: "Vietnamese",
  auto: "automatic"
} as const
