/** What mappers and reducers need of whatever is between them: a conversation for each pair of them, in one direction. */

/** Every way sends blocks of this many bytes, the last of each conversation apart. */
export const BLOCK = 64 * 1024;
/** Through a broker, so many blocks of a conversation are under way at most: TCP's part in a direct one. */
export const WINDOW = 16;

/** A mapper's end. */
export interface Sink {
  /** Resolves once the next block may be given. The block must not be changed afterwards. */
  write(block: Buffer): Promise<void>;
  /** Resolves once the reducer has got it all, or the way will see to it. */
  end(): Promise<void>;
}

export interface Exchange {
  /** Resolves once the conversation can begin. */
  send(mapper: number, reducer: number): Promise<Sink>;
  /** Resolves once the conversation can begin. Ends when the mapper has ended it. */
  receive(mapper: number, reducer: number): Promise<AsyncIterable<Buffer>>;
  close(): Promise<void>;
}

/** Where to, by way: a function has no more than this. */
export type Place =
  | { readonly way: "relay"; readonly relay: string; readonly cert: string; readonly key: string; readonly ca: string }
  | { readonly way: "nats" | "redis"; readonly port: number };
