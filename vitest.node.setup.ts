import { effect, flakyTest, it, layer, live, prop, scoped, scopedLive } from "@effect/vitest"

// `layer` puts its own methods into the one `it` there is, and the next file would run with the services of a closed scope.
Object.assign(it, { effect, flakyTest, layer, live, prop, scoped, scopedLive })
