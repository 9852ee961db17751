import java.io.ByteArrayInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLSocket;

/**
 * A client of the relay with nothing but Java's standard library (17 or later): PROTOCOL.md, "A client, step by step".
 *
 * <p>Copy it into your function, with {@link Identity} and {@link Link}.
 */
final class Relay {
  private static final int HEAD_LIMIT = 16 * 1024;
  private static final int CONTENT_LIMIT = 4 * 1024;
  /** For the handshakes, besides the wait for the peer. */
  private static final int MARGIN_SECONDS = 30;

  /** What is asked for, besides the peer: the fields of PROTOCOL.md, section 5. */
  record Wish(boolean raw, int channel, int waitSeconds, boolean pipelined) {
    String transport() {
      return raw ? "raw" : "tls";
    }
  }

  /**
   * mTLS with the peer, which is verified. Its input ends after the peer's close_notify, and only then; {@code
   * socket.shutdownOutput()} ends this direction alone.
   */
  record Session(SSLSocket socket, String role, String id) implements Closeable {
    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  /** The relay's answer, where it is not a 200: status, the reason from Proxy-Status, a line of advice. */
  static final class Refused extends IOException {
    private static final long serialVersionUID = 1;

    Refused(Answer answer, byte[] content) {
      super(answer.status + " " + printable(content));
    }
  }

  /** The connection ended where an answer or close_notify should have come. It may be tried again, with backoff. */
  static final class Dropped extends IOException {
    private static final long serialVersionUID = 1;

    Dropped(String why) {
      super(why);
    }
  }

  private record Answer(int status, Map<String, String> fields) {}

  private Relay() {}

  /** Meets {@code peer} at {@code relay} ("host:port"). Nothing is left open if it throws. */
  static Session connect(String relay, String peer, Identity identity, Wish wish) throws IOException {
    int colon = relay.lastIndexOf(':');
    String host = relay.substring(0, colon).replaceAll("[\\[\\]]", "");
    int port = Integer.parseInt(relay.substring(colon + 1));
    int seconds = wish.waitSeconds + MARGIN_SECONDS;
    Socket tcp = new Socket();
    // Whatever blocks, it ends when the connection is closed.
    var deadline = CompletableFuture.runAsync(() -> close(tcp), CompletableFuture.delayedExecutor(seconds, TimeUnit.SECONDS));
    try {
      tcp.setTcpNoDelay(true);
      tcp.setKeepAlive(true);
      tcp.connect(new InetSocketAddress(host, port), seconds * 1000);
      Session session = meet(tcp, host, port, peer, identity, wish);
      if (deadline.cancel(false)) return session;
      throw new SocketException("closed");
    } catch (IOException | RuntimeException error) {
      boolean inTime = deadline.cancel(false) || deadline.isCancelled();
      close(tcp);
      if (inTime) throw error;
      throw new SocketTimeoutException(peer + " was not met within " + seconds + " s");
    }
  }

  private static Session meet(Socket tcp, String host, int port, String peer, Identity identity, Wish wish)
      throws IOException {
    SSLSocket outer = identity.outer(new Link(tcp), host, port, !wish.raw);
    outer.startHandshake();
    outer.getOutputStream().write(request(peer, wish));
    if (wish.raw) detach(outer, wish.pipelined);
    Socket link = wish.raw ? tcp : outer;
    Answer answer = readAnswer(link.getInputStream());
    check(answer, peer, wish);
    String role = answer.fields.get("relay-role");
    SSLSocket inner = identity.inner(new Link(link), peer, role.equals("client"));
    inner.startHandshake(); // fails unless the other end proves to be the peer
    return new Session(inner, role, answer.fields.get("relay-session"));
  }

  private static byte[] request(String peer, Wish wish) {
    String target = URLEncoder.encode(peer, StandardCharsets.UTF_8) + ":" + wish.channel;
    String head = "CONNECT %s HTTP/1.1\r\nHost: %s\r\nRelay-Transport: %s\r\nPrefer: wait=%d\r\n\r\n";
    return head.formatted(target, target, wish.transport(), wish.waitSeconds).getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * Takes the outer TLS off. An SSLSocket reads record by record, and so not a byte of what follows close_notify. Its
   * shutdownOutput sends close_notify alone; close() would send user_canceled before it, which is no way to detach.
   */
  private static void detach(SSLSocket outer, boolean pipelined) throws IOException {
    if (pipelined) outer.shutdownOutput();
    InputStream inside = outer.getInputStream();
    byte[] refusal = inside.readNBytes(HEAD_LIMIT + CONTENT_LIMIT);
    if (refusal.length > 0) {
      var bytes = new ByteArrayInputStream(refusal);
      throw new Refused(readHead(bytes), bytes.readAllBytes());
    }
    if (!pipelined) outer.shutdownOutput();
  }

  private static Answer readAnswer(InputStream input) throws IOException {
    Answer answer = readHead(input);
    if (answer.status == 200) return answer;
    throw new Refused(answer, input.readNBytes(Math.min(CONTENT_LIMIT, contentLength(answer))));
  }

  /** The head, up to its empty line, and no byte beyond it: the session's begin there. */
  private static Answer readHead(InputStream input) throws IOException {
    var head = new StringBuilder();
    while (head.length() < 4 || !head.substring(head.length() - 4).equals("\r\n\r\n")) {
      int next = input.read();
      if (next < 0 || head.length() >= HEAD_LIMIT) throw noAnswer(head);
      head.append((char) next);
    }
    String[] lines = head.toString().split("\r\n");
    String[] status = lines[0].split(" ", 3);
    if (!status[0].equals("HTTP/1.1") || status.length < 2 || !status[1].matches("[1-5][0-9]{2}")) throw noAnswer(head);
    var fields = new HashMap<String, String>();
    for (int line = 1; line < lines.length; line++) {
      String[] field = lines[line].split(":", 2);
      if (field.length == 2) fields.put(field[0].toLowerCase(Locale.ROOT), field[1].strip());
    }
    return new Answer(Integer.parseInt(status[1]), fields);
  }

  private static int contentLength(Answer answer) {
    String length = answer.fields.getOrDefault("content-length", "0");
    return length.matches("[0-9]{1,9}") ? Integer.parseInt(length) : 0;
  }

  /** This finds mistakes. It proves nothing: the inner handshake does. */
  private static void check(Answer answer, String peer, Wish wish) throws IOException {
    var asked = Map.of("relay-transport", wish.transport(), "relay-peer", peer);
    for (var field : asked.entrySet()) {
      String said = answer.fields.get(field.getKey());
      if (!field.getValue().equals(said)) throw new IOException(field.getKey() + " is " + said + ", not " + field.getValue());
    }
    String role = answer.fields.getOrDefault("relay-role", "");
    if (!role.equals("client") && !role.equals("server")) throw new IOException("relay-role is " + role);
    if (!answer.fields.containsKey("relay-session")) throw new IOException("there is no relay-session");
  }

  private static Dropped noAnswer(CharSequence head) {
    byte[] seen = head.toString().getBytes(StandardCharsets.ISO_8859_1);
    return new Dropped("the relay is gone, or no relay: " + printable(seen));
  }

  /** What comes on the bare connection is anybody's: no control characters reach a terminal. */
  private static String printable(byte[] content) {
    return new String(content, StandardCharsets.UTF_8).replaceAll("\\p{Cntrl}", " ").strip();
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException alreadyGone) {
      // there is nothing left to close
    }
  }
}
