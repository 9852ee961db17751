import { z } from "zod";
import { missing, shown } from "./scalars.ts";

/** A group of keys; `example` shows how to write it where it is missing. */
export function section<Shape extends z.core.$ZodLooseShape>(example: string, shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "invalid_type") return undefined;
      return issue.input === undefined ? missing(example) : `is ${shown(issue.input)}; write ${example}`;
    },
  });
}

/** For editors: what may be written as a list or a group of keys, or shorter. */
export function orShorter(type: "array" | "object", shorter: z.core.JSONSchema.BaseSchema) {
  return { type: undefined, anyOf: [{ type }, shorter] };
}
