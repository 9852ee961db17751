import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { watch, watchdogInterval } from "./watchdog.ts";

describe("the watchdog's interval", () => {
  it.each<[string, { WATCHDOG_USEC?: string; WATCHDOG_PID?: string }, number | null]>([
    ["is half of what systemd waits", { WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" }, 15_000],
    ["is meant for whoever asks, without a PID", { WATCHDOG_USEC: "1000000" }, 500],
    ["is none for another process", { WATCHDOG_USEC: "1000000", WATCHDOG_PID: "8" }, null],
    ["is none where systemd does not ask", {}, null],
    ["is none for nonsense", { WATCHDOG_USEC: "soon" }, null],
  ])("%s", (_name, env, expected) => {
    expect(watchdogInterval(env, 7)).toBe(expected);
  });
});

describe("the watchdog", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("falls silent while a thread does not turn, asks no second time, and goes on when it turns again", async () => {
    let turn: (() => void) | undefined;
    const turned = vi.fn(() => {
      const { promise, resolve } = Promise.withResolvers<void>();
      turn = resolve;
      return promise;
    });
    const tell = vi.fn();
    const stop = watch(100, turned, tell);
    await vi.advanceTimersByTimeAsync(100);
    turn?.();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([turned, tell].map((each) => each.mock.calls.length)).toEqual([2, 1]);
    turn?.();
    await vi.advanceTimersByTimeAsync(100);
    expect([turned, tell].map((each) => each.mock.calls.length)).toEqual([3, 2]);
    stop();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(turned).toHaveBeenCalledTimes(3);
  });
});
