/**
 * What the emulated account can speak with: models, languages and voices that the vendor has published.
 * This list is the server's; the one in waves is the client's. They are kept apart, so that each tests the other.
 */
import * as Effect from "effect/Effect"
import type { Assumptions } from "../Assumptions.js"
import * as Refusal from "./refusal.js"

/** @internal */
export interface CatalogueVoice {
  readonly id: string
  readonly gender: "female" | "male"
  readonly languages: ReadonlyArray<string>
  readonly accent?: string
}

interface Group {
  readonly languages: string
  readonly accent?: string
  readonly female?: string
  readonly male?: string
}

const words = (text: string | undefined): ReadonlyArray<string> =>
  text === undefined || text === "" ? [] : text.split(" ")

const toVoices = (groups: ReadonlyArray<Group>): ReadonlyMap<string, CatalogueVoice> => {
  const voices = new Map<string, CatalogueVoice>()
  for (const { accent, female, languages, male } of groups) {
    const about = { languages: words(languages), ...(accent === undefined ? {} : { accent }) }
    for (const id of words(female)) voices.set(id, { id, gender: "female", ...about })
    for (const id of words(male)) if (!voices.has(id)) voices.set(id, { id, gender: "male", ...about })
  }
  return voices
}

const standardLanguages = words("en hi mr gu pa bn or ta te kn ml es fr de it nl sv pt pl ru")

/** @internal */
export interface Pool {
  /** The name in paths, with a hyphen before the version. */
  readonly path: string
  readonly languages: ReadonlyArray<string>
  /** Codes that are accepted but not listed. */
  readonly unlisted: ReadonlyArray<string>
  readonly voices: ReadonlyMap<string, CatalogueVoice>
  /** The voices whose words have times. */
  readonly aligned: ReadonlySet<string>
}

const standard: Pool = {
  path: "lightning-v3.1",
  languages: standardLanguages,
  unlisted: ["he"],
  aligned: new Set(words("devansh kartik maithili liam avery")),
  voices: toVoices([
    {
      languages: "en",
      accent: "american",
      male: "jordan robert johnny lucas magnus ronald blofeld zorin felix malcolm daniel",
      female: "lauren hannah vanessa brooke olivia rachel nicole elizabeth ilsa christine quinn mia avery sophia"
    },
    { languages: "en", accent: "british", male: "liam" },
    { languages: "en", accent: "canadian", male: "william", female: "erica" },
    { languages: "en", accent: "australian", female: "chloe" },
    {
      languages: "hi en",
      accent: "indian",
      male: "wasim rehan parth atharv vivaan devansh aarush neel mihir kartik",
      female: "sunidhi chinmayi aanya siya anuja avni ishani yuvika advika sana sameera srishti sakshi maya maithili"
    },
    { languages: "ta", male: "jeevan", female: "rajeshwari" },
    { languages: "te", male: "srihari", female: "padmaja" },
    { languages: "kn", male: "pranav", female: "deepashri" },
    { languages: "ml", male: "vaisakh", female: "shibi" },
    { languages: "mr", male: "nilesh", female: "rupali" },
    { languages: "gu", male: "dhruvit", female: "niharika" },
    { languages: "es", male: "marcos david miguel", female: "daniella camilla alba nerea" }
  ])
}

const pro: Pool = {
  path: "lightning-v3.1-pro",
  languages: [...standardLanguages, ...words("el fi no ar zh id ja ko ms tr vi")],
  unlisted: [],
  aligned: new Set(["meher"]),
  voices: toVoices([
    {
      languages: "en hi",
      accent: "indian",
      female: "rhea zariya kareena mishka inaaya saira meher aarini",
      male: "aviraj vyom zoravar reyansh ahan"
    },
    {
      languages: "en",
      accent: "british",
      female: "sophie ellie cressida ottilie elowen seraphina",
      male: "sam henry benedict cormac rupert finley"
    },
    {
      languages: "en",
      accent: "american",
      female: "kaitlyn savannah amelia zoe ruby leah jenna kate molly sara fiona",
      male: "blake austin jack leo luke owen"
    },
    { languages: "mr", female: "mrunal manasi ketaki tejaswini", male: "mandar tushar" },
    {
      languages: "ta",
      female: "malar nila tamilselvi",
      male: "mathan dinesh prabhu ezhil kavin tamizh barath sakthi murugan"
    },
    { languages: "ml", female: "parvathy lakshmi", male: "vishnu sreenath unni aravindan" },
    { languages: "te", female: "sravani swathi", male: "naveen charan sasank bhaskar gopal manohar" },
    {
      languages: "kn",
      female: "spoorthi rashmi varsha sahana",
      male: "rakshith kishore yogesh gowtham shankar basava"
    },
    { languages: "pa", female: "jasleen manmeet", male: "rajdeep tejinder sukhdeep amrit gagandeep" },
    { languages: "bn", male: "rajib tanmoy subhro arghya indranil" },
    { languages: "or", female: "sasmita ankita", male: "subrat debasish sambit pratik rakesh smruti" },
    { languages: "gu", female: "krupa riddhi", male: "jignesh mit keval" },
    { languages: "ar", female: "layla", male: "adam" },
    { languages: "zh", female: "hazel vivian", male: "dylan silas eli" },
    { languages: "id", female: "nora", male: "bryce miles cole" },
    { languages: "ja", female: "aria mila daisy", male: "jasper" },
    { languages: "ko", female: "june" },
    { languages: "ms", female: "sasha", male: "roman" },
    { languages: "tr", male: "beau wes" },
    { languages: "vi", male: "kai" },
    { languages: "de", female: "hanna lea petra", male: "max ben markus finn" },
    { languages: "es", female: "martina ines paula", male: "sebastian mateo gabriel" },
    { languages: "fr", female: "manon juliette lucie elise amelie", male: "louis nicolas maxime raphael" },
    { languages: "it", female: "silvia concetta arianna", male: "davide luca leonardo" },
    { languages: "pt", accent: "brazilian", female: "juliana leticia", male: "gustavo thiago bruno" },
    { languages: "pt", accent: "portuguese", female: "catarina", male: "francisco" },
    { languages: "ru", female: "anastasia ekaterina olga irina", male: "andrei nikolai maksim" },
    { languages: "el", female: "katerina dimitra athina", male: "dimitris vasilis" },
    { languages: "fi", female: "aino helmi venla", male: "mika timo matti" },
    { languages: "no", female: "solveig marit", male: "kristian espen" },
    { languages: "pl", female: "ewa joanna", male: "tomasz jakub" }
  ])
}

/**
 * Models as bodies spell them. The last two are checkpoints of the Pro model.
 *
 * @internal
 */
export const models = [
  "lightning_v3.1",
  "lightning_v3.1_pro",
  "lightning_v3.1_pro_07_26",
  "lightning_v3.1_pro_10_26"
] as const

/** @internal */
export type Model = (typeof models)[number]

/**
 * The conversational model, which has a protocol of its own.
 *
 * @internal
 */
export const conversational = {
  model: "lightning_v4",
  path: "lightning-v4",
  sampleRates: [8000, 16_000, 24_000, 44_100, 48_000],
  voices: toVoices([
    { languages: "en", accent: "american", male: "brannock" },
    { languages: "en", accent: "american", male: "rhodes" }
  ])
} as const

/** @internal */
export const pools = [standard, pro] as const

/** @internal */
export const poolOf = (model: string): Pool => model === "lightning_v3.1" ? standard : pro

/**
 * A pool's model as bodies spell it.
 *
 * @internal
 */
export const modelOf = (pool: Pool): string => pool.path.replaceAll("-", "_")

/**
 * Refuses the model that has retired, in the way that the assumptions name.
 *
 * @internal
 */
export const checkRetired = (
  { lightningV31 }: Assumptions,
  model: string
): Effect.Effect<void, Refusal.Refusal> =>
  lightningV31 !== "serve" && model === "lightning_v3.1"
    ? Refusal.retired(lightningV31, model, models.filter((name) => name !== model))
    : Effect.void

/** @internal */
export const sampleRates = [8000, 16000, 24000, 44100] as const

/** @internal */
export const outputFormats = ["wav", "ulaw", "alaw", "pcm", "mp3"] as const

/** @internal */
export type OutputFormat = (typeof outputFormats)[number]

const legacyFemale = words(
  "emily jasmine mithali sanya saina pooja nisha mansi radhika kajal deepika niharika monika diya ananya shrishti enola " +
    "judi rebecca sushma shweta karen pragya gargi angela erica nikita nyah julia ginny bellatrix ilsa irisha aditi roma"
)

const legacyMale = words(
  "arman james aravind raj arjun saurabh raghav raman william aarav arnav george chetan ankur abhinav ashish karan " +
    "bogambo dhruv lucius kartik solomon arnold luther chinmay blofeld yash chirag zorin lakshya albus benji alec felix " +
    "malcom"
)

/**
 * Voices of 2024 and 2025; the 24 of the first Python client are among them.
 *
 * @internal
 */
export const legacyVoices: ReadonlyMap<string, CatalogueVoice> = toVoices([
  { languages: "en hi", female: legacyFemale.join(" "), male: legacyMale.join(" ") }
])

/**
 * The models of 2024 and 2025, by the names in their paths.
 *
 * @internal
 */
export const legacyModels: Readonly<Record<string, ReadonlyArray<string>>> = {
  "lightning": ["en", "hi"],
  "lightning-large": ["en", "hi"],
  "lightning-v2": words("en hi ta kn mr bn gu ar he fr de pl ru it nl es sv ml te")
}

/**
 * English names of languages, as the voice lists tag them.
 *
 * @internal
 */
export const languageNames: Readonly<Record<string, string>> = {
  en: "english",
  hi: "hindi",
  mr: "marathi",
  kn: "kannada",
  ta: "tamil",
  bn: "bengali",
  gu: "gujarati",
  te: "telugu",
  ml: "malayalam",
  pa: "punjabi",
  or: "odia",
  es: "spanish",
  de: "german",
  fr: "french",
  it: "italian",
  nl: "dutch",
  sv: "swedish",
  pt: "portuguese",
  pl: "polish",
  ru: "russian",
  el: "greek",
  fi: "finnish",
  no: "norwegian",
  ar: "arabic",
  he: "hebrew",
  zh: "chinese",
  id: "indonesian",
  ja: "japanese",
  ko: "korean",
  ms: "malay",
  tr: "turkish",
  vi: "vietnamese"
}
