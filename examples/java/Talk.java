import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.HashMap;
import java.util.Map;

/**
 * One end of a route: says a line, hears a line, and takes leave. It says on standard output how far it has come, a line
 * each, and ends with 0 only if all went well.
 */
final class Talk {
  private Talk() {}

  public static void main(String[] arguments) {
    try {
      Map<String, String> options = options(arguments);
      var wish = new Relay.Wish(!options.get("transport").equals("tls"), 443, 60, options.containsKey("pipelined"));
      Identity identity = new Identity(Path.of(options.get("cert")), Path.of(options.get("key")), Path.of(options.get("ca")));
      String peer = options.get("peer");
      try (Relay.Session session = Relay.connect(options.get("relay"), peer, identity, wish)) {
        System.out.printf("verified %s as %s, session %s%n", peer, session.role(), session.id());
        talk(session, options.get("message"));
      }
    } catch (IOException | GeneralSecurityException | IllegalArgumentException error) {
      System.err.println(error.getClass().getSimpleName() + ": " + error.getMessage());
      System.exit(1);
    }
  }

  /** Ends this direction, and reads on until the peer has ended the other. */
  private static void talk(Relay.Session session, String message) throws IOException {
    OutputStream output = session.socket().getOutputStream();
    var input = new BufferedReader(new InputStreamReader(session.socket().getInputStream(), StandardCharsets.UTF_8));
    output.write((message + "\n").getBytes(StandardCharsets.UTF_8));
    session.socket().shutdownOutput();
    String line = input.readLine();
    if (line == null) throw new EOFException("the peer ended before it said anything");
    System.out.println("heard " + line);
    while (input.read() >= 0) {
      // until the end
    }
  }

  private static Map<String, String> options(String[] arguments) {
    var options = new HashMap<String, String>(Map.of("transport", "raw"));
    for (int at = 0; at < arguments.length; at++) {
      String name = arguments[at].replaceFirst("^--", "");
      options.put(name, name.equals("pipelined") ? "" : arguments[++at]);
    }
    for (String name : new String[] {"relay", "peer", "cert", "key", "ca", "message"}) {
      if (!options.containsKey(name)) throw new IllegalArgumentException("--" + name + " is missing");
    }
    return options;
  }
}
