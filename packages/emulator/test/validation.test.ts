import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import * as V from "../src/internal/validation.js"

const issuesOf = <A>(check: V.Check<A>, value: unknown) => Either.getOrThrow(Either.flip(check(value, ["field"])))

describe("validation", () => {
  const cases: ReadonlyArray<
    readonly [
      name: string,
      check: V.Check<unknown>,
      value: unknown,
      issue: Readonly<Record<string, unknown>> & Pick<V.Issue, "code" | "message">
    ]
  > = [
    ["a missing string", V.string(), undefined, {
      code: "invalid_type",
      expected: "string",
      received: "undefined",
      message: "Required"
    }],
    ["a number for a string", V.string(), 7, {
      code: "invalid_type",
      expected: "string",
      received: "number",
      message: "Expected string, received number"
    }],
    ["null for a string", V.string(), null, {
      code: "invalid_type",
      expected: "string",
      received: "null",
      message: "Expected string, received null"
    }],
    ["a string that is too short", V.string({ min: 1, trim: true }), " ", {
      code: "too_small",
      minimum: 1,
      type: "string",
      inclusive: true,
      exact: false,
      message: "String must contain at least 1 character(s)"
    }],
    ["a string that is too long", V.string({ max: 2 }), "abc", {
      code: "too_big",
      maximum: 2,
      type: "string",
      inclusive: true,
      exact: false,
      message: "String must contain at most 2 character(s)"
    }],
    ["a string of another form", V.string({ pattern: /^a$/ }), "b", {
      code: "invalid_string",
      validation: "regex",
      message: "Invalid"
    }],
    ["a number that is too small", V.number({ min: 0.5 }), 0.1, {
      code: "too_small",
      minimum: 0.5,
      type: "number",
      inclusive: true,
      exact: false,
      message: "Number must be greater than or equal to 0.5"
    }],
    ["a fraction for an integer", V.number({ integer: true }), 1.5, {
      code: "invalid_type",
      expected: "integer",
      received: "float",
      message: "Expected integer, received float"
    }],
    ["a number that is not listed", V.oneOf([8000, 16000]), 22050, {
      code: "invalid_enum_value",
      options: [8000, 16000],
      received: 22050,
      message: "Invalid enum value. Expected 8000 | 16000, received '22050'"
    }],
    ["a string for a list of numbers", V.oneOf([8000, 16000]), "8000", {
      code: "invalid_type",
      expected: "8000 | 16000",
      received: "string",
      message: "Expected 8000 | 16000, received string"
    }],
    ["an object for an array", V.array(V.string()), {}, {
      code: "invalid_type",
      expected: "array",
      received: "object",
      message: "Expected array, received object"
    }]
  ]
  for (const [name, check, value, issue] of cases) {
    it(`${name} - is told as zod tells it`, () =>
      assert.deepStrictEqual(issuesOf(check, value), [{ ...issue, path: ["field"] }]))
  }

  it("an object - tells all of its issues, with their paths", () => {
    const check = V.object({ items: V.array(V.object({ word: V.string() })), name: V.string() }, {
      refuseUnknown: true
    })
    const issues = issuesOf(check, { items: [{}, { word: 1 }], extra: 1 })
    assert.deepStrictEqual(issues.map(({ path }) => path.join(".")), [
      "field.items.0.word",
      "field.items.1.word",
      "field.name",
      "field"
    ])
    assert.deepStrictEqual(issues.at(-1)?.["keys"], ["extra"])
  })

  it("an object - keeps what was checked and drops the rest", () =>
    assert.deepStrictEqual(
      V.object({ a: V.withDefault(V.number(), 1), b: V.nullish(V.string()) })({ b: null, c: 1, __proto__: null }, []),
      Either.right({ a: 1, b: undefined })
    ))

  it("describe - makes one line of issues", () =>
    assert.strictEqual(
      V.describe([V.custom(["voice_id"], "Invalid Voice ID"), ...issuesOf(V.string(), undefined)]),
      "Invalid Voice ID; field: Required"
    ))
})
