/** How much is measured: a full run takes about a quarter of an hour, a quick one under two minutes. */

export interface Plan {
  readonly name: "full" | "quick";
  /** rounds over all the peers; what is shown are medians */
  readonly rounds: number;
  readonly bulkSeconds: number;
  readonly pingSeconds: number;
  readonly setupSeconds: number;
  readonly setupCount: number;
  readonly warmUpSeconds: number;
  /** how long memory may settle before it is read */
  readonly settleSeconds: number;
  /** idle sessions and parked clients for which memory is read; the many are also those beside which all is measured again */
  readonly few: number;
  readonly many: number | null;
  /** how often a peer with idle sessions and one without are measured in turn: for the rows that targets are about, and for others */
  readonly besideTurns: { readonly close: number; readonly others: number };
}

export const fullPlan: Plan = {
  name: "full",
  rounds: 2,
  bulkSeconds: 1.5,
  pingSeconds: 0.8,
  setupSeconds: 1.5,
  setupCount: 250,
  warmUpSeconds: 0.7,
  settleSeconds: 2,
  few: 1_000,
  many: 5_000,
  besideTurns: { close: 3, others: 1 },
};

export const quickPlan: Plan = {
  ...fullPlan,
  name: "quick",
  bulkSeconds: 0.7,
  pingSeconds: 0.4,
  setupSeconds: 0.6,
  setupCount: 100,
  warmUpSeconds: 0.5,
  settleSeconds: 1,
  few: 500,
  many: null,
};
