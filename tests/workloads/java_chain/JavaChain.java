// SPDX-License-Identifier: Apache-2.0

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** A Java service of the oracle (workloads/calls.py): JavaChain connection|client. */
public class JavaChain {
  private static final String NEXT = System.getenv("NEXT_URL");
  private static final long PID = ProcessHandle.current().pid();
  private static final HttpClient CLIENT =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private static final ExecutorService SHARED = Executors.newFixedThreadPool(8);
  private static FileOutputStream log;
  private static boolean byClient;

  private static int spread(String token) {
    return (token.hashCode() >>> 4);
  }

  private static void record(String side, String token, String serving) throws IOException {
    String line = String.format("{\"side\": \"%s\", \"token\": \"%s\", \"serving\": \"%s\", \"pid\": %d}%n",
        side, token, serving, PID);
    log.write(line.getBytes());
  }

  private static void call(String serving, String name) throws Exception {
    String token = serving.isEmpty() ? name : serving + "." + name;
    record("call", token, serving);
    URI url = URI.create(NEXT + (spread(token) % 3 == 0 ? "/slow" : "/fast"));
    if (byClient) {
      CLIENT.send(HttpRequest.newBuilder(url).header("X-Token", token).build(),
          HttpResponse.BodyHandlers.ofString());
    } else {
      HttpURLConnection connection = (HttpURLConnection) url.toURL().openConnection();
      connection.setRequestProperty("X-Token", token);
      try (InputStream answer = connection.getInputStream()) {
        answer.readAllBytes();
      }
    }
    record("done", token, serving);
  }

  private static void handle(HttpExchange exchange) throws IOException {
    String token = exchange.getRequestHeaders().getFirst("X-Token");
    int status = 200;
    try {
      switch (exchange.getRequestURI().getPath()) {
        case "/seq":
          call(token, "0");
          call(token, "1");
          break;
        case "/pause":
          Thread.sleep(spread(token) % 20);
          call(token, "0");
          break;
        case "/shared":
          Future<?> other = SHARED.submit(() -> {
            call(token, "other");
            return null;
          });
          call(token, "0");
          other.get();
          break;
        default:
          status = 404;
      }
    } catch (Exception error) {
      error.printStackTrace();
      status = 500;
    }
    byte[] body = "ok".getBytes();
    exchange.sendResponseHeaders(status, body.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(body);
    }
  }

  private static void poll() {
    try {
      for (int i = 0; ; i++) {
        Thread.sleep(20);
        call("", "poll-" + i);
      }
    } catch (Exception error) {
      error.printStackTrace();
    }
  }

  public static void main(String[] arguments) throws Exception {
    byClient = arguments[0].equals("client");
    log = new FileOutputStream(System.getenv("REQUEST_LOG"), true);
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 256);
    server.setExecutor(Executors.newFixedThreadPool(32));
    server.createContext("/", JavaChain::handle);
    server.start();
    System.out.println("listening " + server.getAddress().getPort() + " " + PID);
    if (System.getenv("POLL") != null) {
      Thread poller = new Thread(JavaChain::poll);
      poller.setDaemon(true);
      poller.start();
    }
  }
}
