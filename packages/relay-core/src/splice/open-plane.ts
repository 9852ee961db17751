/** Chooses the data plane: the kernel's where it is to be had, else streams; and says why. */
import type { Tcp } from "./answers.ts";
import type { DataPlane } from "./plane.ts";
import { StreamPlane } from "./stream/plane.ts";

export interface PlaneChoice {
  /** `kernel`: or fail; `auto`: the kernel's, else streams */
  readonly mode: "auto" | "kernel" | "stream";
  /** splice threads, 1 or more */
  readonly threads: number;
  /** pipes that may be open in all, two descriptors each; where none is left, bytes are copied */
  readonly pipes: number;
}

export interface OpenedPlane {
  readonly plane: DataPlane;
  /** why it is not the kernel's, though it might have been */
  readonly fallback: string | null;
}

/** Rejects where `mode` is `kernel` and that cannot be had. */
export async function openDataPlane({ mode, threads, pipes }: PlaneChoice): Promise<OpenedPlane> {
  if (mode === "stream") return { plane: new StreamPlane(await tcpOfSystem()), fallback: null };
  try {
    if (process.platform !== "linux") throw new Error(`splice(2) is Linux's, and this is ${process.platform}`);
    // Only here, for koffi is a native module: where it is missing, nothing else must be.
    const { KernelPlane } = await import("./kernel/plane.ts");
    return { plane: new KernelPlane({ threads, pipes }), fallback: null };
  } catch (error) {
    if (mode === "kernel") throw error;
    return {
      plane: new StreamPlane(await tcpOfSystem()),
      fallback: error instanceof Error ? error.message : String(error),
    };
  }
}

/** Null where it is not Linux, or there is no koffi for it. */
async function tcpOfSystem(): Promise<Tcp | null> {
  if (process.platform !== "linux") return null;
  return await import("./kernel/tcp.ts").then(
    ({ linuxTcp }) => linuxTcp,
    () => null,
  );
}
