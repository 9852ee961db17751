/** The cluster cannot be joined. The message says why and what to do. (Apart from cluster.ts, which loads NATS's library.) */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
}
