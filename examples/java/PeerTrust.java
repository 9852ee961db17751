import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.List;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * The proof that the other end is the peer, by the same rule on both sides of the inner TLS. It is a function's certificate in
 * either case, so it is verified as a TLS client's: a relay's is for servers alone, and never passes.
 */
final class PeerTrust extends X509ExtendedTrustManager {
  private static final int DNS = 2; // GeneralName, RFC 5280 4.2.1.6
  private static final int URI = 6;

  private final X509ExtendedTrustManager ca;
  private final String peer;

  PeerTrust(X509ExtendedTrustManager ca, String peer) {
    this.ca = ca;
    this.peer = peer;
  }

  private void verify(X509Certificate[] chain, String authType) throws CertificateException {
    ca.checkClientTrusted(chain, authType);
    List<String> names = namesOf(chain[0]);
    if (!names.contains(peer)) throw new CertificateException(peer + " is not among " + names);
  }

  /** PROTOCOL.md, section 4.2: URI names if there are any, else DNS names, else the common name. */
  private static List<String> namesOf(X509Certificate certificate) throws CertificateException {
    Collection<List<?>> alternatives = certificate.getSubjectAlternativeNames();
    if (alternatives == null) return commonNames(certificate);
    List<String> uris = ofKind(URI, alternatives);
    if (uris.isEmpty()) return ofKind(DNS, alternatives);
    boolean ambiguous = uris.size() > 1 && uris.stream().anyMatch(uri -> uri.startsWith("spiffe:"));
    return ambiguous ? List.of() : uris;
  }

  private static List<String> ofKind(int kind, Collection<List<?>> alternatives) {
    return alternatives.stream().filter(name -> name.get(0).equals(kind)).map(name -> (String) name.get(1)).toList();
  }

  private static List<String> commonNames(X509Certificate certificate) throws CertificateException {
    try {
      var parts = new LdapName(certificate.getSubjectX500Principal().getName()).getRdns();
      var names = parts.stream().filter(part -> part.getType().equals("CN")).map(part -> part.getValue().toString()).toList();
      return names.size() == 1 ? names : List.of();
    } catch (InvalidNameException error) {
      throw new CertificateException(error);
    }
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket) throws CertificateException {
    verify(chain, authType);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket) throws CertificateException {
    verify(chain, authType);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine) throws CertificateException {
    verify(chain, authType);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine) throws CertificateException {
    verify(chain, authType);
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
    verify(chain, authType);
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
    verify(chain, authType);
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return ca.getAcceptedIssuers();
  }
}
