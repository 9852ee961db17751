/** What the two commands have in common once they run. */
export interface Side {
  /** connections that are open, at work or on their way */
  readonly connections: number;
  /** Settles once nothing is left. Rejects if it ended for a reason of its own. */
  readonly closed: Promise<void>;
  /** what keeps it from serving, one line each */
  unready(): Promise<readonly string[]>;
  /** Takes no new connections, and lets those that are there end. */
  close(): Promise<void>;
  /** Breaks off what is left. */
  destroy(): void;
}
