import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;

/**
 * What a TLS layer runs over: a connection whose end is an error. SSLSocket takes the end of the connection for close_notify.
 * But once it has read a close_notify it does not read on, so whoever finds the end here has not read one.
 */
final class Link extends Socket {
  /** What came before it may be only a part. A SocketException, for SSLSocket passes those on as they are. */
  static final class CutOff extends SocketException {
    private static final long serialVersionUID = 1;

    CutOff() {
      super("the connection ended without close_notify");
    }
  }

  private final Socket below;

  Link(Socket below) {
    this.below = below;
  }

  @Override
  public InputStream getInputStream() throws IOException {
    return new FilterInputStream(below.getInputStream()) {
      @Override
      public int read() throws IOException {
        return unlessEnded(in.read());
      }

      @Override
      public int read(byte[] buffer, int offset, int length) throws IOException {
        return unlessEnded(in.read(buffer, offset, length));
      }
    };
  }

  private static int unlessEnded(int result) throws CutOff {
    if (result < 0) throw new CutOff();
    return result;
  }

  @Override
  public OutputStream getOutputStream() throws IOException {
    return below.getOutputStream();
  }

  @Override
  public void shutdownInput() throws IOException {
    below.shutdownInput();
  }

  @Override
  public void shutdownOutput() throws IOException {
    below.shutdownOutput();
  }

  @Override
  public boolean isInputShutdown() {
    return below.isInputShutdown();
  }

  @Override
  public boolean isOutputShutdown() {
    return below.isOutputShutdown();
  }

  @Override
  public void close() throws IOException {
    below.close();
  }

  @Override
  public boolean isClosed() {
    return below.isClosed();
  }

  @Override
  public boolean isConnected() {
    return below.isConnected();
  }

  @Override
  public boolean isBound() {
    return below.isBound();
  }

  @Override
  public InetAddress getInetAddress() {
    return below.getInetAddress();
  }

  @Override
  public InetAddress getLocalAddress() {
    return below.getLocalAddress();
  }

  @Override
  public int getPort() {
    return below.getPort();
  }

  @Override
  public int getLocalPort() {
    return below.getLocalPort();
  }

  @Override
  public SocketAddress getRemoteSocketAddress() {
    return below.getRemoteSocketAddress();
  }

  @Override
  public SocketAddress getLocalSocketAddress() {
    return below.getLocalSocketAddress();
  }

  @Override
  public void setSoTimeout(int milliseconds) throws SocketException {
    below.setSoTimeout(milliseconds);
  }

  @Override
  public int getSoTimeout() throws SocketException {
    return below.getSoTimeout();
  }

  @Override
  public int getSoLinger() throws SocketException {
    return below.getSoLinger();
  }
}
