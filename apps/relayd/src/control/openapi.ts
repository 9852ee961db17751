/** The document by which the control API describes itself: OpenAPI 3.1, made of the schemas that requests are checked by. */
import { jsonSchemaTransformObject } from "fastify-type-provider-zod";

type Transform = typeof jsonSchemaTransformObject;
type Document = ReturnType<Transform>;

const REFERENCE = /"#\/components\/schemas\/([^"]+)"/g;

/** As jsonSchemaTransformObject, but for schemas that nothing refers to: it has each of them twice, as input and as output. */
export const referencedSchemas: Transform = (given) => {
  const document = jsonSchemaTransformObject(given) as Document & {
    readonly components?: { schemas?: Record<string, unknown> };
  };
  const { schemas } = document.components ?? {};
  if (schemas === undefined) return document;
  const found = new Set<string>();
  const follow = (part: unknown): void => {
    for (const [, name = ""] of JSON.stringify(part ?? null).matchAll(REFERENCE)) {
      if (found.has(name)) continue;
      found.add(name);
      follow(schemas[name]);
    }
  };
  follow((document as { readonly paths?: unknown }).paths);
  const kept = Object.entries(schemas).filter(([name]) => found.has(name));
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(kept) } } as Document;
};
