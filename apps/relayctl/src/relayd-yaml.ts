/** The configuration that `relayctl init` writes. It has to stay what relayd reads. */

/** The Unix socket, relative to the configuration. */
export const SOCKET = "run/relayd.sock";

export const RELAYD_YAML = `# Configuration of relayd. Paths are relative to this file.
# To check it: relayd --check --config relayd.yaml
# To have an editor help with it: relayd --schema > relayd.schema.json, and as the first line of this file
# "# yaml-language-server: $schema=relayd.schema.json"

listen:
  # Serves all routes. 0.0.0.0:8443 or [::]:8443 to be reachable from other machines.
  shared: 127.0.0.1:8443
  # A listener for each route as well, on ports out of this range:
  # perRoute: { host: 127.0.0.1, ports: 20000-20999 }

tls:
  cert: relay.pem
  key: relay.key
  # Who issues the certificates of functions: relayctl cert issue NAME --dir .
  ca: ca.pem
  # Who has been revoked: relayctl cert revoke NAME --dir . Changes of these four files are taken up at once.
  # Once a list has expired, everybody is refused; this one holds for as long as the CA.
  crl: crl.pem

control:
  # What relayctl is told with --socket or RELAYD_SOCKET.
  socket: ${SOCKET}

state:
  # Routes that were added at run time.
  dir: state

# How long a function is parked until its peer comes: if it does not say, and at most.
# pairing: { wait: 60s, maxWait: 15m }

# Routes that are always there; others are added with relayctl route add.
# routes:
#   - between: [f1, f2]

# log: { level: info }
`;
