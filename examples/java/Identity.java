import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/** Who a function is, and the CA of the relay and the peers: PEM files, the key in PKCS #8 ("BEGIN PRIVATE KEY"). */
final class Identity {
  private final KeyManager[] keys;
  private final X509ExtendedTrustManager ca;

  Identity(Path cert, Path key, Path ca) throws IOException, GeneralSecurityException {
    KeyStore own = emptyStore();
    own.setKeyEntry("own", privateKey(key), new char[0], certificates(cert).toArray(new Certificate[0]));

    KeyManagerFactory keyManagers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keyManagers.init(own, new char[0]);
    this.keys = keyManagers.getKeyManagers();

    KeyStore anchors = emptyStore();
    for (Certificate anchor : certificates(ca)) anchors.setCertificateEntry("ca" + anchors.size(), anchor);
    TrustManagerFactory trustManagers = TrustManagerFactory.getInstance("PKIX");
    trustManagers.init(anchors);
    this.ca = (X509ExtendedTrustManager) trustManagers.getTrustManagers()[0];
  }

  /** TLS with the relay, whose certificate must be the host's. Without {@code autoClose} the link outlives it. */
  SSLSocket outer(Link link, String host, int port, boolean autoClose) throws IOException {
    SSLSocket outer = tls(link, host, port, autoClose, ca);
    outer.setUseClientMode(true);
    var parameters = outer.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    parameters.setApplicationProtocols(new String[] {"http/1.1"});
    outer.setSSLParameters(parameters);
    return outer;
  }

  /** TLS with the peer: both ends show a certificate, and the handshake fails unless it is the peer's. */
  SSLSocket inner(Link link, String peer, boolean client) throws IOException {
    SSLSocket inner = tls(link, peer, -1, true, new PeerTrust(ca, peer));
    inner.setUseClientMode(client);
    if (!client) inner.setNeedClientAuth(true);
    return inner;
  }

  /** A context for each connection, so that none is resumed: that would be believed without a certificate. */
  private SSLSocket tls(Link link, String name, int port, boolean autoClose, TrustManager trust) throws IOException {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keys, new TrustManager[] {trust}, null);
      SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket((Socket) link, name, port, autoClose);
      socket.setEnabledProtocols(new String[] {"TLSv1.3"});
      return socket;
    } catch (GeneralSecurityException error) {
      throw new IOException(error);
    }
  }

  private static KeyStore emptyStore() throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }

  private static List<X509Certificate> certificates(Path pem) throws IOException, GeneralSecurityException {
    var found = CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(Files.readAllBytes(pem)));
    if (found.isEmpty()) throw new IOException(pem + " holds no certificate");
    return found.stream().map(X509Certificate.class::cast).toList();
  }

  private static PrivateKey privateKey(Path pem) throws IOException, GeneralSecurityException {
    String text = Files.readString(pem);
    int begin = text.indexOf("-----BEGIN PRIVATE KEY-----");
    int end = text.indexOf("-----END PRIVATE KEY-----");
    if (begin < 0 || end < begin) throw new IOException(pem + " holds no private key in PKCS #8; openssl pkcs8 -topk8 -nodes");
    String base64 = text.substring(text.indexOf('\n', begin), end);
    var spec = new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(base64));
    for (String algorithm : List.of("EC", "RSA", "Ed25519")) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(spec);
      } catch (InvalidKeySpecException another) {
        // the key says itself of what kind it is, but not to KeyFactory
      }
    }
    throw new IOException(pem + " holds a key that is neither EC nor RSA nor Ed25519");
  }
}
