import type { Route } from "@serverless-relay/control-api";
import { DaemonCommand } from "../../daemon-command.ts";
import { listenerText, optionsText, routeText } from "../../route-text.ts";
import { enough, writeLine } from "../../stdout.ts";
import { type Styles, stylesFor } from "../../styles.ts";
import { type Column, type Layout, layOut } from "../../table.ts";

/** So many are read before the first are written: the table's columns are made to fit them. */
const PAGE = 500;

const COLUMNS: readonly Column[] = [
  { header: "ROUTE" },
  { header: "SOURCE" },
  { header: "PARKED", align: "right" },
  { header: "SESSIONS", align: "right" },
  { header: "LISTENER" },
  { header: "OPTIONS" },
];

export default class RouteList extends DaemonCommand {
  static override summary = "List the routes.";
  static override description =
    "However many there are: they are written as they come, the first few hundred deciding how wide the columns are.";
  static override examples = ["<%= config.bin %> <%= command.id %>", "<%= config.bin %> <%= command.id %> --json"];

  override async run(): Promise<void> {
    const { flags } = await this.parse(RouteList);
    const text = this.jsonEnabled() ? new JsonText() : new TableText(stylesFor(process.stdout, process.env));
    const stop = enough();
    await this.askDaemon(flags.socket, async (daemon) => {
      let page: Route[] = [];
      for await (const route of daemon.routes()) {
        if (page.length === PAGE) {
          if (!(await writeLine(text.page(page), stop))) return;
          page = [];
        }
        page.push(route);
      }
      await writeLine(page.length === 0 ? text.none : text.lastPage(page), stop);
    });
  }
}

/** {"routes": [...]}, indented as the other commands' JSON is. */
class JsonText {
  readonly none = '{\n  "routes": []\n}';
  #head = '{\n  "routes": [\n';

  page(routes: readonly Route[]): string {
    return `${this.#items(routes)},`;
  }

  lastPage(routes: readonly Route[]): string {
    return `${this.#items(routes)}\n  ]\n}`;
  }

  #items(routes: readonly Route[]): string {
    const head = this.#head;
    this.#head = "";
    return head + routes.map((route) => JSON.stringify(route, null, 2).replaceAll(/^/gm, "    ")).join(",\n");
  }
}

class TableText {
  readonly none = "no routes; add one: relayctl route add F1 F2";
  readonly #styles: Styles;
  #layout: Layout | null = null;

  constructor(styles: Styles) {
    this.#styles = styles;
  }

  page(routes: readonly Route[]): string {
    const rows = routes.map(cells);
    const head = this.#layout === null;
    this.#layout ??= layOut(COLUMNS, rows, this.#styles);
    return [...(head ? [this.#layout.head] : []), ...rows.map(this.#layout.line)].join("\n");
  }

  lastPage(routes: readonly Route[]): string {
    return this.page(routes);
  }
}

function cells(route: Route): string[] {
  const { source, parked, sessions, listener } = route;
  const own = listener === null ? "-" : listenerText(listener);
  return [routeText(route), source, `${parked}`, `${sessions}`, own, optionsText(route).join(", ") || "-"];
}
