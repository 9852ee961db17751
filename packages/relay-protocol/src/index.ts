export * from "./fields.ts";
export * from "./names.ts";
export * from "./refusals.ts";
