export * from "./certificate-extensions.ts";
export * from "./fields.ts";
export * from "./free.ts";
export * from "./names.ts";
export * from "./record-boundaries.ts";
export * from "./record-stream.ts";
export * from "./refusals.ts";
