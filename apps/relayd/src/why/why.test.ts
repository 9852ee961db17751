import type { CertificateStatus, Finding, RouteListener } from "@serverless-relay/control-api";
import { describe, expect, it } from "vitest";
import type { ParkedFacts, RouteFacts, WhyFacts } from "./facts.ts";
import type { RecentRefusal } from "./recent-refusals.ts";
import { explain } from "./why.ts";

const now = Date.parse("2026-11-23T06:00:00.000Z");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const route: RouteFacts = { createdAt: now - HOUR, options: {}, listener: null };
const fine: WhyFacts = {
  f1: "f1",
  f2: "f2",
  channel: null,
  route,
  parked: [],
  sessions: [],
  draining: false,
  full: false,
  certificates: [],
  refusals: [],
  wakes: [],
  now,
};
const f1: ParkedFacts = {
  name: "f1",
  channel: "443",
  role: null,
  parkedAt: now - 12_000,
  deadline: now + 48_000,
  notAfter: now + 24 * HOUR,
};
const f2: ParkedFacts = { ...f1, name: "f2", parkedAt: now - 3 * MINUTE };
const plain: ParkedFacts = { ...f1, name: null, notAfter: null };
const down: RouteListener = { protocol: "connect", host: "127.0.0.1", port: 20000, state: "down", error: "in use" };
const certificate: CertificateStatus = {
  use: "crl",
  file: "crl.pem",
  subject: "CN=ca",
  notAfter: new Date(now - 1).toISOString(),
  daysLeft: -1,
  warning: "ran out",
};
const soon = new Date(now + HOUR).toISOString();
const refusal: RecentRefusal = {
  name: "f1",
  peer: "f2",
  at: now - 10_000,
  address: "127.0.0.1:5000",
  reason: "certificate_expired",
  detail: null,
};

type Case = [string, Partial<WhyFacts>, ...[Finding["code"], Finding["severity"], RegExp][]];

describe("why two functions do, or do not, meet", () => {
  it.each<Case>([
    ["nobody has come", {}, ["nobody_parked", "info", /^neither f1 nor f2 is parked: both have to dial/]],
    ["there is no route", { route: null }, ["no_route", "error", /relayctl route add f1 f2/]],
    [
      "only one has come",
      { parked: [f1] },
      ["one_parked", "info", /^f1 has been parked on channel 443 for 12 s, and waits 48 s yet; f2 has not come$/],
    ],
    [
      "both have come, to different channels",
      { parked: [f1, { ...f2, channel: "job-7" }] },
      [
        "different_channels",
        "error",
        /^f1 is parked on channel 443, for 12 s; f2 is parked on channel job-7, for 3 min/,
      ],
    ],
    [
      "both ask for the same role",
      {
        parked: [
          { ...f1, role: "client" },
          { ...f2, role: "client" },
          { ...f2, channel: "8080" },
        ],
      },
      ["same_role", "error", /both ask for Relay-Role: client/],
    ],
    ["they are being paired", { parked: [f2, f1] }, ["about_to_meet", "info", /being paired/]],
    [
      "their roles fit",
      {
        parked: [
          { ...f1, role: "client" },
          { ...f2, role: "server" },
        ],
      },
      ["about_to_meet", "info", /being paired/],
    ],
    ["one has come by a plain listener", { parked: [plain, f2] }, ["plain_and_verified", "error", /plain listener/]],
    ["two have come by a plain listener", { parked: [plain, { ...plain }] }, ["about_to_meet", "info", /./]],
    ["two of one function wait", { f2: "f1", parked: [f1, { ...f1 }] }, ["about_to_meet", "info", /./]],
    ["one of one function waits", { f2: "f1", parked: [f1] }, ["one_parked", "info", /f1 has not come$/]],
    ["no instance of a function has come", { f2: "f1" }, ["nobody_parked", "info", /^no f1 is parked$/]],
    [
      "the channel asked about is another",
      { channel: "8080", parked: [f1, f2] },
      ["different_channels", "warning", /^not on channel 8080 are parked: f1 on channel 443, f2 on channel 443$/],
      ["nobody_parked", "info", /parked on channel 8080/],
    ],
    [
      "one is on the channel asked about",
      { channel: "443", parked: [f1, { ...f2, channel: "1" }] },
      ["one_parked", "info", /^f1 has been parked on channel 443/],
      ["different_channels", "info", /f2 on channel 1$/],
    ],
    [
      "the certificate of who waits is about to expire",
      { parked: [{ ...f1, notAfter: now + MINUTE }] },
      ["certificate_expires", "warning", /by which f1 is parked runs out on 2026-11-23T06:01:00.000Z, in 60 s/],
      ["one_parked", "info", /./],
    ],
    [
      "the relay is draining, and full",
      { draining: true, full: true },
      ["draining", "error", /nobody is admitted/],
      ["full", "error", /limits\.connections/],
      ["nobody_parked", "info", /./],
    ],
    [
      "the CRL has expired",
      { certificates: [certificate, { ...certificate, use: "ca", file: "ca.pem" }] },
      ["crl_expired", "error", /^crl\.pem ran out$/],
      ["certificate_expired", "warning", /^ca\.pem ran out$/],
      ["nobody_parked", "info", /./],
    ],
    [
      "certificates are about to expire, or far from it",
      {
        certificates: [
          { ...certificate, use: "relay", file: "relay.pem", notAfter: soon, warning: "runs out" },
          { ...certificate, notAfter: soon, warning: "runs out" },
          { ...certificate, use: "ca", notAfter: soon, warning: null },
        ],
      },
      ["certificate_expires", "warning", /^relay\.pem runs out$/],
      ["crl_expires", "warning", /^crl\.pem runs out$/],
      ["nobody_parked", "info", /./],
    ],
    [
      "the route's listener is down",
      { route: { ...route, listener: down } },
      ["listener_down", "warning", /\(connect 127\.0\.0\.1:20000\) is down: in use/],
      ["nobody_parked", "info", /./],
    ],
    [
      "the bare listener, which they need, is down",
      { route: { ...route, listener: { ...down, protocol: "bare" } } },
      ["listener_down", "error", /./],
      ["nobody_parked", "info", /./],
    ],
    [
      "the route has as many sessions as it may",
      { route: { ...route, options: { maxSessions: 2 } }, sessions: ["443", "443"] },
      ["limit_reached", "error", /maxSessions allows, 2/],
      ["in_session", "info", /^2 sessions of theirs are under way$/],
      ["nobody_parked", "info", /./],
    ],
    [
      "all channels that it may have are in use",
      {
        route: { ...route, options: { channelLimit: 2 } },
        sessions: ["1"],
        parked: [{ ...f1, channel: "2" }],
        channel: "3",
      },
      ["limit_reached", "error", /channelLimit allows, 2: 2, 1$/],
      ["different_channels", "warning", /./],
      ["in_session", "info", /^1 session of theirs is under way$/],
      ["nobody_parked", "info", /./],
    ],
    [
      "the channel asked about is one of those in use",
      { route: { ...route, options: { channelLimit: 1 } }, parked: [f1], channel: "443" },
      ["one_parked", "info", /./],
    ],
    [
      "the route is about to go",
      { route: { ...route, options: { expiresAt: new Date(now + MINUTE).toISOString() } } },
      ["route_expires", "warning", /in 60 s/],
      ["nobody_parked", "info", /./],
    ],
    [
      "one was refused for its certificate",
      { refusals: [refusal, { ...refusal, at: now - MINUTE, reason: "no_route" }] },
      [
        "refused",
        "error",
        /^f1 was refused 10 s ago, from 127\.0\.0\.1:5000: certificate_expired; the client certificate/,
      ],
      ["nobody_parked", "info", /./],
    ],
    [
      "somebody was refused who only claims to be it",
      { refusals: [{ ...refusal, reason: "certificate_unknown_issuer", detail: "self-signed" }] },
      [
        "refused",
        "warning",
        /^somebody whose certificate says f1 was refused .* certificate_unknown_issuer \(self-signed\)/,
      ],
      ["nobody_parked", "info", /./],
    ],
    [
      "one used its quota up, the other was dropped",
      {
        refusals: [
          { ...refusal, reason: "quota_exceeded" },
          { ...refusal, name: "f2", reason: "detach_timeout" },
        ],
      },
      ["refused", "warning", /^f2 was dropped .*: detach_timeout$/],
      ["refused", "warning", /^f1 was refused .*: quota_exceeded; a quota/],
      ["nobody_parked", "info", /./],
    ],
    [
      "one waited in vain",
      { refusals: [{ ...refusal, reason: "peer_timeout" }] },
      ["nobody_parked", "info", /./],
      ["refused", "info", /peer_timeout/],
    ],
    [
      "one was refused before there was the route",
      {
        refusals: [{ ...refusal, reason: "no_route", at: now - 5 * MINUTE }],
        route: { ...route, createdAt: now - MINUTE },
      },
      ["nobody_parked", "info", /./],
    ],
    [
      "one was refused although there is a route",
      { refusals: [{ ...refusal, reason: "no_route" }] },
      ["refused", "error", /another route's listener, or with a key that is not pinned/],
      ["nobody_parked", "info", /./],
    ],
    ["one was refused long ago", { refusals: [{ ...refusal, at: now - HOUR }] }, ["nobody_parked", "info", /./]],
  ])("%s", (_what, facts, ...expected) => {
    const { canMeet, findings } = explain({ ...fine, ...facts });
    expect(findings).toEqual(
      expected.map(([code, severity, text]) => ({ code, severity, text: expect.stringMatching(text) })),
    );
    expect(canMeet).toBe(!expected.some(([, severity]) => severity === "error"));
  });

  it("is told quickly where thousands wait", () => {
    const crowd = Array.from({ length: 10_000 }, (_, n) => ({ ...(n % 2 ? f1 : f2), channel: `${n % 3}${n % 2}` }));
    expect(explain({ ...fine, parked: crowd }).findings[0]?.code).toBe("different_channels");
  });
});

describe("a function that is being woken", () => {
  const wake = { name: "f2", channel: "443", since: now - 20_000, requests: 2, asking: false, nextAt: now + 4_000 };

  it.each<Case>([
    [
      "and takes its time",
      { parked: [f1], wakes: [{ ...wake, last: { outcome: "accepted", status: 200 } }] },
      [
        "waking",
        "info",
        /^f2 is being woken on channel 443, for 20 s; requests so far: 2; the last one: accepted \(200\)/,
      ],
      ["one_parked", "info", /f2 has not come/],
    ],
    [
      "and cannot be reached",
      { parked: [f1], wakes: [{ ...wake, last: { outcome: "rejected", status: 503 } }] },
      ["wake_failed", "warning", /the last one: rejected \(503\); the next in 4 s$/],
      ["one_parked", "info", /./],
    ],
    [
      "on another channel than the one that is asked about",
      { channel: "1", wakes: [{ ...wake, last: null }] },
      ["nobody_parked", "info", /./],
    ],
  ])("%s", (_what, facts, ...expected) => {
    const { findings } = explain({ ...fine, ...facts });
    const told = findings.map(({ code, severity }) => `${code} ${severity}`);
    expect(new Set(told)).toEqual(new Set(expected.map(([code, severity]) => `${code} ${severity}`)));
    for (const [code, , pattern] of expected) expect(findings.find((it) => it.code === code)?.text).toMatch(pattern);
  });
});
