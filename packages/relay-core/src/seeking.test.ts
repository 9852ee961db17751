import { type ClientCredentials, connectHead, OuterClient } from "@serverless-relay/testkit";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import {
  functionIdentity,
  makeCertificates,
  startRelay,
  type TestCertificates,
  type TestRelay,
} from "./relay.test-support.ts";

let certificates: TestCertificates;
let f1: ClientCredentials;
let f2: ClientCredentials;
let bed: TestRelay;
let fails: boolean;

beforeAll(async () => {
  certificates = await makeCertificates();
  f1 = await functionIdentity(certificates.authority, "f1");
  f2 = await functionIdentity(certificates.authority, "f2");
});

beforeEach(async () => {
  const seek = () => {
    if (fails) throw new Error("the search broke");
    return () => {};
  };
  bed = await startRelay(certificates, { elsewhere: { seek } });
});
afterEach(() => bed.close());

async function ask(credentials: ClientCredentials, peer: string): Promise<OuterClient> {
  const client = await OuterClient.dial(bed.port, credentials);
  client.request(connectHead(`${peer}:443`));
  return client;
}

it("whoever cannot be sought elsewhere is told 500, and nobody is paired with it", async () => {
  fails = true;
  const one = await ask(f1, "f2");
  expect(await one.answer()).toMatch(/^HTTP\/1\.1 500 /);
  expect(bed.relay.parkedCount).toBe(0);
  fails = false;
  const other = await ask(f2, "f1");
  await expect.poll(() => bed.relay.parkedCount).toBe(1);
  const again = await ask(f1, "f2");
  await expect.poll(() => bed.relay.sessions().length).toBe(1);
  for (const client of [one, other, again]) client.destroy();
});
