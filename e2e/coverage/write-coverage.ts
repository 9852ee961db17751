/** Has each worker of the test runner write what it has counted: it is ended by a signal, which leaves no time for that. */
import { takeCoverage } from "node:v8";
import { afterAll } from "vitest";

afterAll(() => takeCoverage());
