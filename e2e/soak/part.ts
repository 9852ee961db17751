/** One thing that a soak does, and what came of it. */
export type Figures = Readonly<Record<string, number>>;

export interface Part {
  readonly name: string;
  /** for people */
  readonly what: string;
  /** rejects if a promise was broken */
  run(): Promise<Figures>;
}

export interface Outcome {
  readonly part: string;
  readonly what: string;
  readonly held: boolean;
  readonly seconds: number;
  readonly figures: Figures;
  /** why it did not hold */
  readonly why?: string;
}

export async function runPart(part: Part): Promise<Outcome> {
  const { name, what } = part;
  const began = performance.now();
  const over = () => ({ part: name, what, seconds: Math.round((performance.now() - began) / 100) / 10 });
  try {
    const figures = await part.run();
    return { ...over(), held: true, figures };
  } catch (error) {
    return { ...over(), held: false, figures: {}, why: error instanceof Error ? error.message : String(error) };
  }
}
