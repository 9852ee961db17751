/** Many functions, in a process of their own, which may be in a network of its own: told of by messages. */
import { type Door, type Identity, type Wanderer, wander } from "./wandering-end.ts";

export interface Crowd {
  readonly doors: readonly Door[];
  readonly identities: Readonly<Record<"f1" | "f2", Identity>>;
  readonly wanderers: readonly Wanderer[];
}

process.on("message", ({ doors, identities, wanderers }: Crowd) => {
  const histories = wanderers.map((wanderer) => wander(wanderer, identities[wanderer.name], doors));
  void Promise.all(histories).then((ends) => process.send?.(ends));
});
process.once("disconnect", () => process.exit());
process.send?.("ready");
